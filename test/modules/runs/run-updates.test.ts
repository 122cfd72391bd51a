import { expect, test, vi } from 'vitest';
import { AgentRun } from '../../../src/modules/runs/agent-run.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { type Changed, publishChange } from '../../../src/platform/live/change-log.ts';
import { createLive } from '../../../src/platform/live/live-views.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import { createMemoryNoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { quiet } from '../../platform/live/live-harness.ts';
import { testDatabase } from '../../testkit/database.ts';
import { asViewer, contextOf, createTenant } from '../../testkit/tenants.ts';

const db = await testDatabase();

async function createRoom() {
  const tenant = await createTenant(db, { rows: ['agent_runs'] });
  const live = createLive({
    database: db.database,
    transport: createMemoryNoticeBus(),
    revalidate: async () => true,
    log: quiet,
  });
  const where = { tenantId_id: { tenantId: tenant.id, id: tenant.idOf('agent_runs') } };
  return {
    tenant,
    live,
    follow: (id = tenant.idOf('agent_runs'), after?: number): Promise<AsyncIterableIterator<Changed<AgentRun>>> =>
      live.subscribe(AgentRun.log, { viewer: asViewer(tenant), dbContext: contextOf(tenant), id, after }),
    change: (data: object) =>
      db.database.transactionAs(contextOf(tenant), async () => {
        const { tenantId, id, changeSequence } = await db.prisma.agentRun.update({ where, data });
        publishChange(live, AgentRun.log, { tenantId, id, sequence: changeSequence });
      }),
  };
}

test('a run is told as it changes, in its newest state to those who do not keep up', async () => {
  const { tenant, live, follow, change } = await createRoom();
  const [eager, lazy] = [await follow(), await follow()];
  const [run] = await db.ownerQuery<{ change_sequence: number }>('SELECT change_sequence FROM agent_runs WHERE id = $1', [
    tenant.idOf('agent_runs'),
  ]);
  const before = run?.change_sequence ?? 0;
  await change({ status: 'RUNNING' });
  const { value } = await eager.next();
  expect(value).toMatchObject({ id: tenant.idOf('agent_runs'), tenantId: tenant.id, status: 'RUNNING', sequence: before + 1 });
  await change({ status: 'COMPLETED', completedAt: new Date() });
  const last = { status: 'COMPLETED', sequence: before + 2, costUsd: expect.anything(), inputTokens: 0n };
  expect((await eager.next()).value).toMatchObject(last);
  expect((await lazy.next()).value).toMatchObject(last);
  expect((await (await follow(undefined, before)).next()).value).toMatchObject(last);
  await live.close();
});

test("another tenant's run is not found", async () => {
  const [mine, theirs] = [await createRoom(), await createRoom()];
  const refused = { code: 'NOT_FOUND', message: 'The run was not found.' };
  await expect(mine.follow(theirs.tenant.idOf('agent_runs'))).rejects.toMatchObject(refused);
  await expect(mine.follow(newId())).rejects.toMatchObject(refused);
  await Promise.all([mine.live.close(), theirs.live.close()]);
});

test('who does the run hears of its changes, and of no others, until they stop listening', async () => {
  const { tenant, live, change } = await createRoom();
  const heard: ChangeNotice[] = [];
  const stop = live.onNotice('run', (hint) => heard.push(hint));
  live.announce({ topic: 'conversation', tenantId: tenant.id, id: tenant.idOf('agent_runs'), sequence: 1 });
  await change({ cancelRequestedAt: new Date() });
  const hint = { topic: 'run', tenantId: tenant.id, id: tenant.idOf('agent_runs'), sequence: expect.any(Number) };
  await vi.waitFor(() => expect(heard).toEqual([hint]));
  stop();
  await change({ status: 'RUNNING' });
  await db.database
    .transactionAs(contextOf(tenant), async () => {
      publishChange(live, AgentRun.log, { tenantId: tenant.id, id: tenant.idOf('agent_runs'), sequence: 9 });
      throw new Error('rolled back');
    })
    .catch(() => {});
  expect(heard).toHaveLength(1);
  await live.close();
});
