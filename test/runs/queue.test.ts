import { expect, test } from 'vitest';
import { JOBS_SCHEMA } from '../../src/db/job-schema.ts';
import { setStage } from './fixture.ts';

test('the more runs of a tenant wait, the later comes the next; those of others do not count', async () => {
  const [many, few] = [await setStage(), await setStage()];
  for (const { agent, change } of [many, many, many, few]) {
    await change('startAgentRun', { agentId: (await agent()).id, input: { text: 'Go' } });
  }
  const priorities = (tenantId: string) =>
    many.graph.ownerQuery<{ priority: number }>(
      `SELECT priority FROM ${JOBS_SCHEMA}.job WHERE name = 'run.execute' AND data ->> 'tenantId' = $1 ORDER BY created_on`,
      [tenantId],
    );
  expect(await priorities(many.tenant.id)).toEqual([{ priority: -1 }, { priority: -2 }, { priority: -3 }]);
  expect(await priorities(few.tenant.id)).toEqual([{ priority: -1 }]);
});
