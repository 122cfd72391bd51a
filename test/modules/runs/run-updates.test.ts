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

async function createSubject() {
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
    subscribe: (id = tenant.idOf('agent_runs'), after?: number): Promise<AsyncIterableIterator<Changed<AgentRun>>> =>
      live.subscribe(AgentRun.log, { viewer: asViewer(tenant), dbContext: contextOf(tenant), id, after }),
    change: (data: object) =>
      db.database.transactionAs(contextOf(tenant), async () => {
        const { tenantId, id, changeSequence } = await db.prisma.agentRun.update({ where, data });
        publishChange(live, AgentRun.log, { tenantId, id, sequence: changeSequence });
      }),
  };
}

test('delivers a run after each change, and only its newest state to a slow subscriber', async () => {
  const { tenant, live, subscribe, change } = await createSubject();
  const [fast, slow] = [await subscribe(), await subscribe()];
  const [run] = await db.ownerQuery<{ change_sequence: number }>('SELECT change_sequence FROM agent_runs WHERE id = $1', [
    tenant.idOf('agent_runs'),
  ]);
  const before = run?.change_sequence ?? 0;
  await change({ status: 'RUNNING' });
  const { value } = await fast.next();
  expect(value).toMatchObject({ id: tenant.idOf('agent_runs'), tenantId: tenant.id, status: 'RUNNING', sequence: before + 1 });
  await change({ status: 'COMPLETED', completedAt: new Date() });
  const last = { status: 'COMPLETED', sequence: before + 2, costUsd: expect.anything(), inputTokens: 0n };
  expect((await fast.next()).value).toMatchObject(last);
  expect((await slow.next()).value).toMatchObject(last);
  expect((await (await subscribe(undefined, before)).next()).value).toMatchObject(last);
  await live.close();
});

test("rejects a subscription to another tenant's run as not found", async () => {
  const [mine, theirs] = [await createSubject(), await createSubject()];
  const refused = { code: 'NOT_FOUND', message: 'The run was not found.' };
  await expect(mine.subscribe(theirs.tenant.idOf('agent_runs'))).rejects.toMatchObject(refused);
  await expect(mine.subscribe(newId())).rejects.toMatchObject(refused);
  await Promise.all([mine.live.close(), theirs.live.close()]);
});

test('calls notice listeners for committed changes of runs only, until they unsubscribe', async () => {
  const { tenant, live, change } = await createSubject();
  const received: ChangeNotice[] = [];
  const stop = live.onNotice('run', (notice) => received.push(notice));
  live.announce({ topic: 'conversation', tenantId: tenant.id, id: tenant.idOf('agent_runs'), sequence: 1 });
  await change({ cancelRequestedAt: new Date() });
  const notice = { topic: 'run', tenantId: tenant.id, id: tenant.idOf('agent_runs'), sequence: expect.any(Number) };
  await vi.waitFor(() => expect(received).toEqual([notice]));
  stop();
  await change({ status: 'RUNNING' });
  await db.database
    .transactionAs(contextOf(tenant), async () => {
      publishChange(live, AgentRun.log, { tenantId: tenant.id, id: tenant.idOf('agent_runs'), sequence: 9 });
      throw new Error('rolled back');
    })
    .catch(() => {});
  expect(received).toHaveLength(1);
  await live.close();
});
