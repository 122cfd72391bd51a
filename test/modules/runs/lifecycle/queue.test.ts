import { expect, test } from 'vitest';
import { JOBS_SCHEMA } from '../../../../src/platform/jobs/schema.ts';
import { createRunHarness } from '../run-harness.ts';

test('lowers the priority of a run by the number of queued runs of its tenant only', async () => {
  const [many, few] = [await createRunHarness(), await createRunHarness()];
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

test('limits the queued runs of a conversation to 100, unless the agent interrupts active runs', async () => {
  const { agent, conversation, send, change } = await createRunHarness();
  const { id } = await agent();
  const talk = await conversation(id);
  for (let count = 0; count < 100; count++) await send(talk, 'Go');
  const content = 'One too many';
  expect(await change('sendMessage', { conversationId: talk, content })).toMatchObject({ code: 'INVALID_STATE' });
  expect(await change('startAgentRun', { agentId: id, conversationId: talk, input: { text: content } })).toMatchObject({
    code: 'INVALID_STATE',
  });
  await send(await conversation(id), 'Elsewhere');
  await change('updateAgent', { id, whenBusy: 'INTERRUPT' });
  await send(talk, 'Now');
});
