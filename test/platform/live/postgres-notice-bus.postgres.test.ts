import { afterAll, describe, expect, test, vi } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { createLive } from '../../../src/platform/live/live-views.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import type { NoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { createPostgresNoticeBus } from '../../../src/platform/live/transport/postgres-notice-bus.ts';
import { throwawayDatabase } from '../../testkit/database.ts';
import { withClient } from '../../testkit/postgres-template.ts';
import { createConversation, createTenant } from '../../testkit/tenants.ts';
import { liveHarnessOf, quiet, range, take } from './live-harness.ts';

const db = await throwawayDatabase();
const urls = db.urls ?? { server: '', owner: '' };
const database = new URL(urls.owner).pathname.slice(1);
const adminUrl = process.env.TEST_DATABASE_URL ?? '';
// The tests terminate connections of this database, including idle ones of the owner.
db.ownerPool.on('error', () => {});
afterAll(() => db.close());

async function connected(connectionString = urls.server): Promise<NoticeBus> {
  const transport = createPostgresNoticeBus({ connectionString, log: quiet });
  transport.start();
  await vi.waitFor(() => expect(transport.healthy()).toBe(true), { timeout: 5_000 });
  return transport;
}

function hear(transport: NoticeBus): ChangeNotice[] {
  const heard: ChangeNotice[] = [];
  transport.subscribe((notice) => heard.push(notice));
  return heard;
}

function notice(sequence: number): ChangeNotice {
  return { topic: 'conversation', tenantId: newId(), id: newId(), sequence };
}

const LISTENERS = "FROM pg_stat_activity WHERE application_name = 'agentbase live' AND datname = current_database()";

describe('notices over PostgreSQL', () => {
  test('reach the listeners of every process, local ones synchronously', async () => {
    const [here, there] = await Promise.all([connected(), connected()]);
    const [heardHere, heardThere] = [hear(here), hear(there)];
    const notices = range(1, 300).map(notice);
    for (const each of notices) here.publish(each);
    expect(heardHere).toEqual(notices);
    await vi.waitFor(() => expect(heardThere).toEqual(notices), { timeout: 5_000 });
    await Promise.all([here.close(), there.close()]);
    await vi.waitFor(async () => expect(await db.ownerQuery(`SELECT ${LISTENERS}`)).toHaveLength(0), { timeout: 5_000 });
  });

  test('arrive again after a lost connection', async () => {
    const [here, there] = await Promise.all([connected(), connected()]);
    const heard = hear(there);
    const listening = () => db.ownerQuery<{ pid: number }>(`SELECT pid ${LISTENERS} AND query LIKE 'LISTEN%'`);
    const old = await listening();
    expect(old).toHaveLength(2);
    await db.ownerQuery(`SELECT pg_terminate_backend(pid) ${LISTENERS}`);
    here.publish(notice(1));
    await vi.waitFor(
      async () => {
        const pids = (await listening()).map(({ pid }) => pid);
        expect(pids).toHaveLength(2);
        for (const { pid } of old) expect(pids).not.toContain(pid);
        expect([here.healthy(), there.healthy()]).toEqual([true, true]);
      },
      { timeout: 10_000 },
    );
    const second = notice(2);
    here.publish(second);
    await vi.waitFor(() => expect(heard).toContainEqual(second), { timeout: 5_000 });
    await Promise.all([here.close(), there.close()]);
  });

  test('closes a bus that never connected', async () => {
    const transport = createPostgresNoticeBus({ connectionString: 'postgres://nobody@127.0.0.1:1/none', log: quiet });
    transport.start();
    transport.publish(notice(1));
    expect(transport.healthy()).toBe(false);
    await transport.close();
  });
});

describe('live views of two processes', () => {
  test('follow appends of the other process through lost connections and an unavailable database', async () => {
    const tenant = await createTenant(db);
    await createConversation(tenant);
    const options = { revalidate: async () => true, log: quiet, pollIntervalMs: 100 };
    const here = createLive({ ...options, database: db.database, transport: await connected() });
    const other = db.another({ max: 4 });
    const there = createLive({ ...options, database: other.database, transport: await connected() });
    const writer = liveHarnessOf(db, tenant, here);
    const reader = await liveHarnessOf(db, tenant, there).follow({ after: 0 });
    const numbers = take(reader, 4 + 60);

    await writer.append(20);
    await db.ownerQuery(`SELECT pg_terminate_backend(pid) ${LISTENERS}`);
    await writer.append(20);
    await withClient(adminUrl, async (admin) => {
      await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database]);
      await expect(liveHarnessOf(db, tenant, there).follow()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(there.stats().subscribers).toBe(1);
      await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
    });
    await vi.waitFor(() => writer.append(1), { timeout: 10_000 });
    await writer.append(19);
    expect(await numbers).toEqual(range(1, 64));

    await Promise.all([here.close(), there.close()]);
    await other.close();
    expect(there.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await vi.waitFor(async () => expect(await db.ownerQuery(`SELECT ${LISTENERS}`)).toHaveLength(0), { timeout: 5_000 });
  });
});
