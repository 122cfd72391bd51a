import { describe, expect, test, vi } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { Live } from '../../../src/platform/live/live.ts';
import { HeldNoticeBus, range } from './live-harness.ts';
import { liveOverMemory, MemorySource, type State, viewerOf } from './memory-log.ts';

interface Place {
  source: MemorySource;
  tenantId: string;
  id: string;
}

function placeOf(topic: string = 'collection', tenantId = newId(), id = newId()) {
  const source = new MemorySource(topic);
  return { source, tenantId, id, log: source.log(tenantId, id) };
}

function follow(live: Live, { source, tenantId, id }: Place, after?: number) {
  return live.subscribe(source, { viewer: viewerOf(tenantId), dbContext: { tenantId }, id, after });
}

function notice({ source: { topic }, tenantId, id }: Place, sequence: number) {
  return { topic, tenantId, id, sequence };
}

async function nextStates(reader: AsyncIterator<State>, count: number): Promise<string[]> {
  const rows: string[] = [];
  while (rows.length < count) rows.push((await reader.next()).value?.text ?? 'ended');
  return rows;
}

/** Waits for the next poll. */
async function polled(source: MemorySource): Promise<void> {
  const before = source.polls;
  await vi.waitFor(() => expect(source.polls).toBeGreaterThan(before + 2));
}

describe('sequence numbers with gaps', () => {
  test('delivers rows once and in order across gaps', async () => {
    const place = placeOf();
    const live = liveOverMemory({ batchSize: 2 });
    for (const name of ['a', 'b', 'c']) place.log.change(name, 100);
    const reader = await follow(live, place, 100);
    expect(await nextStates(reader, 2)).toEqual(['b, 200', 'c, 300']);
    const next = nextStates(reader, 5);
    for (const name of ['d', 'e', 'f', 'g', 'h']) place.log.change(name, 7);
    live.announce(notice(place, place.log.head));
    expect(await next).toEqual(['d, 307', 'e, 314', 'f, 321', 'g, 328', 'h, 335']);
    await live.close();
  });

  test('delivers a row that changed twice before a read once, in its newest state', async () => {
    const place = placeOf();
    const live = liveOverMemory();
    const reader = await follow(live, place);
    const first = place.log.change('a');
    place.log.change('b');
    place.log.change('a');
    live.announce(notice(place, first.sequence));
    expect(await nextStates(reader, 2)).toEqual(['b, 2', 'a, 3']);
    await live.close();
  });

  test('delivers only the newest states to a lagging reader', async () => {
    const place = placeOf();
    const live = liveOverMemory();
    const [eager, lazy] = [await follow(live, place), await follow(live, place)];
    for (const name of ['a', 'b', 'a', 'a', 'c', 'a']) {
      const { sequence } = place.log.change(name);
      live.announce(notice(place, sequence));
      expect(await nextStates(eager, 1)).toEqual([`${name}, ${sequence}`]);
    }
    expect(await nextStates(lazy, 3)).toEqual(['b, 2', 'c, 5', 'a, 6']);
    await live.close();
  });

  test('ends a lagging reader by its number of unread rows, not by gaps', async () => {
    let revalidations = 0;
    const revalidate = async () => ++revalidations > 0;
    const live = liveOverMemory({ bufferSize: 5, revalidate, revalidateIntervalMs: 5, maxPauseMs: 10 });
    const place = placeOf();
    const reader = await follow(live, place);
    for (const name of ['a', 'b', 'a', 'c', 'a']) place.log.change(name, 1000);
    live.announce(notice(place, place.log.head));
    expect(await nextStates(reader, 1)).toEqual(['b, 2000']);
    const before = revalidations;
    await vi.waitFor(() => expect(revalidations).toBeGreaterThan(before + 8));
    expect(await nextStates(reader, 2)).toEqual(['c, 4000', 'a, 5000']);
    for (const number of range(1, 12)) place.log.change(`d${number}`);
    live.announce(notice(place, place.log.head));
    await vi.waitFor(() => expect(live.stats().subscribers).toBe(0));
    await expect(reader.next()).rejects.toMatchObject({ code: 'SLOW_CONSUMER', after: 5000 });
    await live.close();
  });
});

describe('deleted rows', () => {
  test('reaches a head without a row and does not read it repeatedly', async () => {
    const place = placeOf();
    const { source, log } = place;
    const live = liveOverMemory({ pollIntervalMs: 5 });
    const reader = await follow(live, place);
    const next = nextStates(reader, 1);
    log.change('a');
    log.change('b');
    log.remove('b');
    expect(await next).toEqual(['a, 1']);
    await polled(source);
    const { reads } = source;
    await polled(source);
    expect(source.reads).toBe(reads);
    const later = nextStates(reader, 1);
    log.change('c');
    expect(await later).toEqual(['c, 4']);
    await live.close();
  });

  test('does not treat the number of a notice as reached', async () => {
    const place = placeOf();
    const transport = new HeldNoticeBus();
    const live = liveOverMemory({ transport });
    const reader = await follow(live, place);
    const next = nextStates(reader, 2);
    transport.deliver(notice(place, 50));
    await vi.waitFor(() => expect(place.source.reads).toBeGreaterThan(0));
    place.log.change('a');
    transport.deliver(notice(place, 1));
    place.log.change('b');
    transport.deliver(notice(place, 2));
    expect(await next).toEqual(['a, 1', 'b, 2']);
    await live.close();
  });

  test('does not skip rows that arrive during an empty read', async () => {
    const place = placeOf();
    const { source, log } = place;
    const transport = new HeldNoticeBus();
    const live = liveOverMemory({ transport, pollIntervalMs: 5 });
    const reader = await follow(live, place);
    const next = nextStates(reader, 1);
    const gate = Promise.withResolvers<void>();
    source.gate = gate.promise;
    log.change('a');
    log.remove('a');
    await vi.waitFor(() => expect(source.reads).toBe(1));
    log.change('b');
    await polled(source);
    gate.resolve();
    expect(await next).toEqual(['b, 3']);
    await live.close();
  });

  test('a replay passes deleted rows and continues with new ones', async () => {
    const place = placeOf();
    const { log } = place;
    const live = liveOverMemory({ batchSize: 2 });
    for (const name of ['a', 'b', 'c', 'd']) log.change(name);
    for (const name of ['a', 'c', 'd']) log.remove(name);
    const reader = await follow(live, place, 0);
    expect(await nextStates(reader, 1)).toEqual(['b, 2']);
    const next = nextStates(reader, 1);
    live.announce(notice(place, log.change('e').sequence));
    expect(await next).toEqual(['e, 8']);

    log.remove('b');
    log.remove('e');
    const other = await follow(live, place, 0);
    const news = nextStates(other, 1);
    live.announce(notice(place, log.change('f').sequence));
    expect(await news).toEqual(['f, 11']);
    await live.close();
  });
});

describe('isolation', () => {
  test('separates two topics with the same id', async () => {
    const conversation = placeOf('conversation');
    const collection = placeOf('collection', conversation.tenantId, conversation.id);
    const transport = new HeldNoticeBus();
    const live = liveOverMemory({ transport, pollIntervalMs: 5 });
    const readers = [await follow(live, conversation), await follow(live, collection)] as const;
    expect(live.stats()).toEqual({ feeds: 2, subscribers: 2, timers: 2 });
    const [first, second] = [nextStates(readers[0], 1), nextStates(readers[1], 1)];
    conversation.log.change('message', 3);
    expect(await first).toEqual(['message, 3']);
    transport.deliver(notice(conversation, 3));
    expect(collection.source.reads).toBe(0);
    collection.log.change('document');
    expect(await second).toEqual(['document, 1']);
    await readers[0].return?.();
    expect(live.stats()).toEqual({ feeds: 1, subscribers: 1, timers: 2 });
    const next = nextStates(readers[1], 1);
    collection.log.change('document');
    expect(await next).toEqual(['document, 2']);
    await live.close();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
  });

  test('separates two tenants with the same id', async () => {
    const mine = placeOf();
    const stranger = newId();
    const theirs = { ...mine, tenantId: stranger, log: mine.source.log(stranger, mine.id) };
    const transport = new HeldNoticeBus();
    const live = liveOverMemory({ transport });
    const readers = [await follow(live, mine), await follow(live, theirs)] as const;
    expect(live.stats().feeds).toBe(2);
    const answers = readers.map((reader) => nextStates(reader, 1));
    theirs.log.change('theirs');
    transport.deliver(notice(mine, 1), notice(theirs, 1));
    expect(await answers[1]).toEqual(['theirs, 1']);
    mine.log.change('mine');
    transport.deliver(notice(mine, 1));
    expect(await answers[0]).toEqual(['mine, 1']);
    await live.close();
  });

  test('polls each topic and tenant with one statement', async () => {
    const first = placeOf();
    const { source, tenantId } = first;
    const others = range(1, 4).map(() => ({ source, tenantId, id: newId() }));
    for (const { id } of others) source.log(tenantId, id);
    const asked: number[] = [];
    const lastSequences = source.lastSequences.bind(source);
    source.lastSequences = (database, ids) => {
      asked.push(ids.length);
      return lastSequences(database, ids);
    };
    const live = liveOverMemory({ pollIntervalMs: 20 });
    const readers = await Promise.all([first, ...others].map((place) => follow(live, place)));
    await polled(source);
    expect(asked.slice(0, 3)).toEqual([5, 5, 5]);
    expect(readers).toHaveLength(5);
    await live.close();
  });
});

test('names the object in errors for an unknown id and an unreached number', async () => {
  const place = placeOf();
  const live = liveOverMemory();
  await expect(follow(live, { ...place, id: newId() })).rejects.toMatchObject({ message: 'The thing was not found.' });
  await expect(follow(live, { ...place, tenantId: newId() })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(follow(live, place, 1)).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
    message: expect.stringContaining('number 0'),
  });
  expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
  await live.close();
});
