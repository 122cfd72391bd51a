import { expect, test, vi } from 'vitest';
import { conversationLog } from '../../../src/modules/conversations/events/event-log.ts';
import { testDatabase } from '../../testkit/database.ts';
import { contextOf } from '../../testkit/tenants.ts';
import { createLiveHarness } from './live-harness.ts';

const db = await testDatabase();

async function createReader(options: Parameters<typeof createLiveHarness>[1] = {}, after?: number) {
  const bench = await createLiveHarness(db, options);
  const { live, viewer, tenant } = bench;
  const reader = await live.subscribe(conversationLog, {
    viewer,
    dbContext: contextOf(tenant),
    id: tenant.idOf('conversations'),
    after,
  });
  return { ...bench, reader };
}

test('returns buffered rows once and in order, alternating with next', async () => {
  const { live, append, reader } = await createReader();
  expect(reader.tryNext()).toBeUndefined();
  const ready = reader.whenReady();
  await append(3);
  await ready;
  expect(reader.tryNext()?.sequence).toBe(5);
  await vi.waitFor(() => expect(reader.tryNext()?.sequence).toBe(6));
  expect((await reader.next()).value?.sequence).toBe(7);
  expect(reader.tryNext()).toBeUndefined();
  await live.close();
});

test('whenReady is undefined while rows are buffered', async () => {
  const { live, append, reader } = await createReader();
  const ready = reader.whenReady();
  await append(1);
  await ready;
  expect(reader.whenReady()).toBeUndefined();
  expect(reader.tryNext()?.sequence).toBe(5);
  expect(reader.whenReady()).toBeInstanceOf(Promise);
  await live.close();
});

test('leaves rows that are not in memory to `next`', async () => {
  const { live, reader } = await createReader({}, 0);
  expect(reader.tryNext()).toBeUndefined();
  expect(reader.whenReady()).toBeUndefined();
  expect((await reader.next()).value?.sequence).toBe(1);
  // One statement read them.
  expect([reader.tryNext(), reader.tryNext(), reader.tryNext(), reader.tryNext()].map((row) => row?.sequence)).toEqual([
    2,
    3,
    4,
    undefined,
  ]);
  await live.close();
});

test('wakes a waiting reader at the end and throws the reason', async () => {
  const { live, reader } = await createReader();
  const ready = reader.whenReady();
  const closed = live.close();
  await ready;
  expect(reader.tryNext()).toBeUndefined();
  expect(reader.whenReady()).toBeUndefined();
  await expect(reader.next()).rejects.toMatchObject({ code: 'SERVER_SHUTDOWN', after: 4 });
  await closed;
});

test('returns nothing after the permission was lost', async () => {
  let holds = true;
  const { live, append, reader } = await createReader({ revalidate: async () => holds, revalidateIntervalMs: 1 });
  const ready = reader.whenReady();
  holds = false;
  await append(1);
  await ready;
  expect(reader.tryNext()).toBeUndefined();
  await expect(reader.next()).rejects.toMatchObject({ code: 'FORBIDDEN', after: 4 });
  await live.close();
});

test('returns nothing on a stale credential check', async () => {
  const { live, append, reader } = await createReader({ revalidate: () => new Promise(() => {}), revalidateIntervalMs: 0 });
  const ready = reader.whenReady();
  await append(1);
  await ready;
  expect(reader.tryNext()).toBeUndefined();
  expect(reader.whenReady()).toBeUndefined();
  await live.close();
});

test('returns nothing after the token expired', async () => {
  const { live, viewer, tenant, append } = await createLiveHarness(db);
  const reader = await live.subscribe(conversationLog, {
    viewer: { ...viewer, expiresAt: new Date(Date.now() + 60_000) },
    dbContext: contextOf(tenant),
    id: tenant.idOf('conversations'),
  });
  const ready = reader.whenReady();
  await append(1);
  await ready;
  vi.useFakeTimers({ now: Date.now() + 60_001, toFake: ['Date'] });
  try {
    expect(reader.tryNext()).toBeUndefined();
    await expect(reader.next()).rejects.toMatchObject({ code: 'UNAUTHENTICATED', after: 4 });
  } finally {
    vi.useRealTimers();
  }
  await live.close();
});
