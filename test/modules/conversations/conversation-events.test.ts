import { describe, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { ChangeNotice } from '../../../src/platform/live/topics.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { countStatements, createLiveHarness, HeldNoticeBus, range, take } from '../../platform/live/live-harness.ts';
import { testDatabase } from '../../testkit/database.ts';
import { asViewer, contextOf, createTenant } from '../../testkit/tenants.ts';

const db = await testDatabase();
const EVENTS = /FROM conversation_events/;

describe('delivery', () => {
  test('replays rows after a sequence number, then delivers new ones', async () => {
    const { live, append, follow } = await createLiveHarness(db, { batchSize: 2 });
    const reader = await follow({ after: 1 });
    expect(await take(reader, 3)).toEqual([2, 3, 4]);
    const next = take(reader, 2);
    await append(2);
    expect(await next).toEqual([5, 6]);
    await live.close();
  });

  test('delivers only new rows without a sequence number, including rows before the first read', async () => {
    const { live, append, follow } = await createLiveHarness(db);
    const reader = await follow();
    await append(3);
    expect(await take(reader, 3)).toEqual([5, 6, 7]);
    await live.close();
  });

  test('delivers rows equal to the table rows', async () => {
    const { live, tenant, follow } = await createLiveHarness(db);
    const reader = await follow({ after: 1 });
    const { value } = await reader.next();
    expect(value).toEqual({
      tenantId: tenant.id,
      conversationId: tenant.idOf('conversations'),
      sequence: 2,
      type: 'MESSAGE_APPENDED',
      payload: { messageId: tenant.idOf('messages'), messageSequence: 1 },
      createdAt: expect.any(Date),
    });
    await live.close();
  });

  test('delivers each event once and in order despite lost, repeated, reordered and wrong notices', async () => {
    const transport = new HeldNoticeBus();
    const { live, tenant, append, follow } = await createLiveHarness(db, { transport });
    const reader = await follow();
    await append(6);
    const [first, second, third, fourth, fifth, sixth] = transport.published as [
      ChangeNotice,
      ChangeNotice,
      ChangeNotice,
      ChangeNotice,
      ChangeNotice,
      ChangeNotice,
    ];
    transport.deliver(third, first, third, second);
    const numbers = await take(reader, 3);
    const ahead = { ...sixth, sequence: 1_000_000 };
    transport.deliver(ahead, fourth, ahead, fifth, { ...sixth, id: newId() }, { ...sixth, tenantId: newId() }, fifth);
    numbers.push(...(await take(reader, 3)));
    await append(1);
    transport.deliver(...transport.published.toReversed());
    numbers.push(...(await take(reader, 1)));
    expect(numbers).toEqual(range(5, 11));
    expect(live.stats().feeds).toBe(1);
    expect(tenant.idOf('conversations')).toBe(sixth.id);
    await live.close();
  });

  test('the poll finds events without a notice', async () => {
    const transport = new HeldNoticeBus();
    const { live, append, follow } = await createLiveHarness(db, { transport, pollIntervalMs: 20 });
    const reader = await follow();
    const next = take(reader, 2);
    await append(2);
    expect(await next).toEqual([5, 6]);
    await live.close();
  });

  test('has no gap or repetition between replay and follow under concurrent appends', async () => {
    const { live, append, follow } = await createLiveHarness(db, { batchSize: 3, bufferSize: 5, pollIntervalMs: 50 });
    const last = 4 + 120;
    const appending = Promise.all(range(1, 4).map(() => append(30)));
    const readers = range(0, 23).map(async (index) => {
      const after = index % 5;
      // Subscribes one after another, each after an event of an open subscription.
      const early = await follow({ after: 0 });
      await take(early, 5 + index * 2);
      await early.return?.();
      return { after, numbers: await take(await follow({ after }), last - after) };
    });
    for (const { after, numbers } of await Promise.all(readers)) expect(numbers).toEqual(range(after + 1, last));
    await appending;
    await live.close();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
  });

  test('resolves concurrent calls of next in order', async () => {
    const { live, append, follow } = await createLiveHarness(db);
    const reader = await follow();
    const answers = Promise.all([reader.next(), reader.next(), reader.next()]);
    await append(3);
    expect((await answers).map(({ value }) => value?.sequence)).toEqual([5, 6, 7]);
    await live.close();
  });

  test('ignores the session context of the code that reads or publishes', async () => {
    const { live, append, follow, head } = await createLiveHarness(db);
    const stranger = await createTenant(db, { rows: ['conversations', 'agents', 'messages'] });
    const reader = await follow({ after: 0 });
    await runWithContext(contextOf(stranger), async () => {
      expect(await take(reader, 4)).toEqual([1, 2, 3, 4]);
      await append(1);
      expect(await take(reader, 1)).toEqual([5]);
    });
    expect(await head()).toBe(5);
    await live.close();
  });
});

describe('statements', () => {
  test('runs one statement per notice and shares rows between readers', async () => {
    const { live, append, follow } = await createLiveHarness(db);
    const readers = await Promise.all(range(1, 20).map(() => follow()));
    const pending = readers.map((reader) => reader.next());
    const statements = await countStatements(db, EVENTS, async () => {
      await append(1);
      const answers = await Promise.all(pending);
      expect(new Set(answers.map(({ value }) => value)).size).toBe(1);
    });
    expect(statements).toBe(1);
    expect(live.stats()).toEqual({ feeds: 1, subscribers: 20, timers: 2 });
    await live.close();
  });

  test('readers that resume at the same sequence number share statements', async () => {
    const { live, append, follow } = await createLiveHarness(db, { batchSize: 50 });
    await append(46);
    const statements = await countStatements(db, EVENTS, async () => {
      const readers = await Promise.all(range(1, 10).map(() => follow({ after: 0 })));
      for (const numbers of await Promise.all(readers.map((reader) => take(reader, 50)))) expect(numbers).toEqual(range(1, 50));
    });
    expect(statements).toBe(1);
    await live.close();
  });

  test('serves a reader that resumes soon from memory', async () => {
    const { live, append, follow } = await createLiveHarness(db);
    const steady = await follow();
    await append(5);
    await take(steady, 5);
    const statements = await countStatements(db, EVENTS, async () => {
      expect(await take(await follow({ after: 6 }), 3)).toEqual([7, 8, 9]);
    });
    expect(statements).toBe(0);
    await live.close();
  });

  test('polls all followed conversations of a tenant with one statement', async () => {
    const transport = new HeldNoticeBus();
    const { live, tenant, append, follow } = await createLiveHarness(db, { transport, pollIntervalMs: 40 });
    const others = range(1, 5).map(() => newId());
    const base = { tenantId: tenant.id, agentId: tenant.idOf('agents') };
    await db.database.transactionAs(contextOf(tenant), async () => {
      for (const id of others) await db.prisma.conversation.create({ data: { ...base, id } });
    });
    const readers = await Promise.all(others.map((conversationId) => follow({ conversationId })));
    const first = await follow();
    const statements = await countStatements(db, /SELECT id, last_event_sequence FROM conversations/, async () => {
      const pending = [first, ...readers].map((reader) => take(reader, 1));
      for (const id of [tenant.idOf('conversations'), ...others]) await append(1, id);
      await Promise.all(pending);
    });
    // Several polls may find them, but never with one statement per conversation.
    expect(statements).toBeGreaterThan(0);
    expect(statements).toBeLessThan(6);
    await live.close();
  });
});

describe('errors', () => {
  test("returns NotFoundError for another tenant's conversation, an unknown id and a malformed id", async () => {
    const { live, follow } = await createLiveHarness(db);
    const stranger = await createTenant(db, { rows: ['conversations', 'agents', 'messages'] });
    const refused = { code: 'NOT_FOUND', message: 'The conversation was not found.' };
    await expect(follow({ conversationId: stranger.idOf('conversations') })).rejects.toMatchObject(refused);
    await expect(follow({ conversationId: newId() })).rejects.toMatchObject(refused);
    await expect(follow({ conversationId: "' OR true --" })).rejects.toMatchObject(refused);
    const asStranger = { viewer: asViewer(stranger), dbContext: contextOf(stranger) };
    await expect(follow(asStranger)).rejects.toMatchObject(refused);
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });

  test('rejects a sequence number beyond the last one', async () => {
    const { live, follow } = await createLiveHarness(db);
    for (const after of [-1, 5])
      await expect(follow({ after })).rejects.toMatchObject({ code: 'VALIDATION_FAILED', inputPath: ['after'] });
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });

  test('never delivers events of another tenant, even after forged notices', async () => {
    const transport = new HeldNoticeBus();
    const mine = await createLiveHarness(db, { transport });
    const stranger = await createLiveHarness(db, { transport });
    const reader = await mine.follow();
    await stranger.append(3);
    for (const notice of transport.published) {
      transport.deliver(notice, { ...notice, tenantId: mine.tenant.id }, { ...notice, id: mine.tenant.idOf('conversations') });
      transport.deliver({ ...notice, tenantId: mine.tenant.id, id: mine.tenant.idOf('conversations') });
    }
    await mine.append(1);
    transport.deliver(...transport.published);
    const { value } = await reader.next();
    expect(value).toMatchObject({ tenantId: mine.tenant.id, conversationId: mine.tenant.idOf('conversations'), sequence: 5 });
    await Promise.all([mine.live.close(), stranger.live.close()]);
  });
});

describe('clean-up', () => {
  test('releases all resources for every way to end a stream', async () => {
    const transport = new HeldNoticeBus();
    const { live, append, follow } = await createLiveHarness(db, { transport });
    const aborter = new AbortController();
    const waiting = await follow();
    const reading = await follow({ after: 0 });
    const untouched = await follow({ after: 0 });
    const aborted = await follow({ signal: aborter.signal });
    const pending = [waiting.next(), aborted.next()];
    await take(reading, 2);
    expect(live.stats()).toEqual({ feeds: 1, subscribers: 4, timers: 2 });

    await Promise.all([waiting, reading, untouched].map((reader) => reader.return?.()));
    aborter.abort();
    for (const answer of await Promise.all(pending)) expect(answer).toEqual({ done: true, value: undefined });
    expect(await reading.next()).toEqual({ done: true, value: undefined });
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });

    const again = await follow();
    await append(1);
    transport.deliver(...transport.published);
    expect(await take(again, 1)).toEqual([5]);
    await live.close();
    expect(transport.listeners.size).toBe(0);
  });

  test('releases a reader that aborts during the look-up', async () => {
    const { live, follow } = await createLiveHarness(db);
    const aborter = new AbortController();
    const opening = follow({ signal: aborter.signal });
    aborter.abort();
    await expect(opening).rejects.toThrow();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });

  test('close ends all streams with a resume number and rejects new ones', async () => {
    const { live, append, follow } = await createLiveHarness(db);
    const waiting = await follow();
    const reading = await follow({ after: 1 });
    await take(reading, 2);
    const pending = waiting.next();
    const ended = expect(pending).rejects.toMatchObject({ code: 'SERVER_SHUTDOWN', after: 4 });
    await live.close();
    await ended;
    await expect(reading.next()).rejects.toMatchObject({ code: 'SERVER_SHUTDOWN', after: 3 });
    expect(await reading.next()).toEqual({ done: true, value: undefined });
    await expect(follow()).rejects.toMatchObject({ code: 'SERVER_SHUTDOWN' });
    await append(1);
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
  });
});
