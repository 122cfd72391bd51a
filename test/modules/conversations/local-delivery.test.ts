import { expect, test } from 'vitest';
import { appendMessage } from '../../../src/modules/conversations/append-message.ts';
import { conversationLog } from '../../../src/modules/conversations/events/event-log.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import {
  countStatements,
  createLiveHarness,
  HeldNoticeBus,
  type LiveHarness,
  range,
  take,
} from '../../platform/live/live-harness.ts';
import { testDatabase } from '../../testkit/database.ts';
import { contextOf } from '../../testkit/tenants.ts';

const db = await testDatabase();
const READS = /FROM conversation_events/;

/** Appends in the process that owns the live views. */
function append({ tenant, viewer, live }: LiveHarness, content = 'Hello', idempotencyKey?: string) {
  const { database, prisma } = db;
  const message = { conversationId: tenant.idOf('conversations'), role: 'USER' as const, content, idempotencyKey };
  return runWithContext(contextOf(tenant), () => appendMessage({ database, prisma, live }, viewer, message));
}

test('delivers a message of this process without a read, equal to the row that a read returns', async () => {
  const bench = await createLiveHarness(db, { transport: new HeldNoticeBus() });
  const { live, tenant, follow } = bench;
  const [one, another] = [await follow(), await follow()];
  const statements = await countStatements(db, READS, async () => {
    await append(bench);
    await append(bench, 'Hello again', 'key');
    expect(await take(one, 2)).toEqual([5, 6]);
  });
  expect(statements).toBe(0);

  const delivered = [(await another.next()).value, (await another.next()).value];
  const read = await runWithContext(contextOf(tenant), () =>
    conversationLog.readAfter(db.database, tenant.idOf('conversations'), 4, 10),
  );
  expect(delivered).toEqual(read);
  await live.close();
});

test('reads earlier events of other processes first', async () => {
  const transport = new HeldNoticeBus();
  const bench = await createLiveHarness(db, { transport });
  const { live, follow } = bench;
  const reader = await follow();
  // Written by another process whose notice is lost.
  await bench.append(2);
  await append(bench);
  await append(bench);
  transport.deliver(...transport.published);
  expect(await take(reader, 4)).toEqual([5, 6, 7, 8]);
  await live.close();
});

test('delivers each event once and in order under concurrent writes of several processes', async () => {
  const bench = await createLiveHarness(db);
  const { live, follow } = bench;
  const readers = await Promise.all(range(1, 3).map(() => follow()));
  const all = readers.map((reader) => take(reader, 30));
  await Promise.all([...range(1, 10).map(() => append(bench)), ...range(1, 10).map(() => bench.append(2))]);
  for (const numbers of await Promise.all(all)) expect(numbers).toEqual(range(5, 34));
  await live.close();
});

test('does not deliver a message that was rolled back', async () => {
  const bench = await createLiveHarness(db);
  const { live, tenant, viewer, follow, head } = bench;
  const reader = await follow();
  const undone = db.database.transactionAs(contextOf(tenant), async () => {
    const message = { conversationId: tenant.idOf('conversations'), role: 'USER' as const, content: 'Hello' };
    await appendMessage({ database: db.database, prisma: db.prisma, live }, viewer, message);
    throw new Error('given up');
  });
  await expect(undone).rejects.toThrow('given up');
  await append(bench, 'The next');
  expect(await take(reader, 1)).toEqual([5]);
  expect(await head()).toBe(5);
  await live.close();
});
