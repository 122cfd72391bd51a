import { type ExecutionResult, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema } from '../../../../src/app/schema.ts';
import { permissionsOfScope } from '../../../../src/platform/auth/permissions.ts';
import type { GraphQLContext } from '../../../../src/platform/graphql/context.ts';
import { EventResultCache } from '../../../../src/platform/graphql/http/event-result-cache.ts';
import { bufferedResultsOf, executeEvents } from '../../../../src/platform/graphql/http/subscription-executor.ts';
import { createLoaders } from '../../../../src/platform/graphql/loaders.ts';
import { newId } from '../../../../src/platform/lib/ids.ts';
import { BufferedIterator, type StreamItem } from '../../../../src/platform/live/buffered-iterator.ts';
import { viewerOf } from '../memory-log.ts';

/** Buffered items in order. */
class Items extends BufferedIterator<StreamItem<object>> {
  readonly #items: StreamItem<object>[];

  constructor(items: StreamItem<object>[]) {
    super();
    this.#items = items;
  }

  tryNext() {
    return this.#items.shift();
  }

  whenReady() {
    return this.#items.length > 0 ? undefined : new Promise<void>(() => {});
  }

  async next(): Promise<IteratorResult<StreamItem<object>, undefined>> {
    const value = this.#items.shift();
    return value ? { done: false, value } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<StreamItem<object>, undefined>> {
    return { done: true, value: undefined };
  }
}

function itemsOf(...items: StreamItem<object>[]): Items {
  return new Items(items);
}

function resultsOf(items: Items, shared = new EventResultCache()): BufferedIterator<ExecutionResult> {
  const viewer = { ...viewerOf(newId()), permissions: new Set(permissionsOfScope('agents:execute')) };
  const contextValue = {
    viewer,
    database: {},
    dbContext: { requestId: 'test' },
    loaders: createLoaders(),
  } as unknown as GraphQLContext;
  const document = parse('subscription { conversationEvents(conversationId: "1") { sequence type } }');
  return executeEvents({ schema, document, contextValue }, items, shared.reader('key'));
}

const event = (sequence: number) => ({ sequence, type: 'CONVERSATION_UPDATED', payload: null });
const data = (sequence: number) => ({ data: { conversationEvents: { sequence, type: 'CONVERSATION_UPDATED' } } });

describe('buffered results', () => {
  test('arrive in row order as soon as they are available', async () => {
    const results = resultsOf(itemsOf({ row: event(1) }, { row: event(2) }));
    for (const sequence of [1, 2]) {
      expect(results.tryNext()).toBeUndefined();
      await results.whenReady();
      expect(results.tryNext()).toMatchObject(data(sequence));
    }
    expect(results.tryNext()).toBeUndefined();
    expect(results.whenReady()).toBeInstanceOf(Promise);
  });

  test('are available at once if another reader has executed them', async () => {
    const shared = new EventResultCache();
    const rows = [event(1), event(2)];
    const [first, second] = [
      resultsOf(itemsOf(...rows.map((row) => ({ row }))), shared),
      resultsOf(itemsOf(...rows.map((row) => ({ row }))), shared),
    ];
    const executed = [(await first.next()).value, (await first.next()).value];
    expect([second.tryNext(), second.tryNext()]).toEqual(executed);
  });

  test('contain no errors: next returns those', async () => {
    const results = resultsOf(itemsOf({ ended: new Error('over') }));
    expect(results.tryNext()).toBeUndefined();
    await results.whenReady();
    expect(results.tryNext()).toBeUndefined();
    expect(results.whenReady()).toBeUndefined();
    expect((await results.next()).value?.errors).toMatchObject([{ message: 'over' }]);
    expect((await results.next()).done).toBe(true);
  });

  test('are not lost when next is called before they are available', async () => {
    const results = resultsOf(itemsOf({ row: event(1) }, { row: event(2) }));
    expect(results.tryNext()).toBeUndefined();
    expect((await results.next()).value).toMatchObject(data(1));
    expect((await results.next()).value).toMatchObject(data(2));
  });
});

describe('results for a transport', () => {
  test('come from memory without errors, otherwise through the iterators of plugins', async () => {
    const inner = resultsOf(itemsOf({ row: event(1) }, { ended: new Error('over') }));
    async function* masked() {
      for await (const { errors } of inner) yield { errors: errors?.map(({ message }) => ({ message: `masked: ${message}` })) };
    }
    const results = bufferedResultsOf({ results: inner }, masked() as AsyncIterable<ExecutionResult>);
    const taken: ExecutionResult[] = [];
    await results.drain((result) => void taken.push(result));
    expect(taken).toMatchObject([data(1)]);
    expect((await results.next()).value?.errors).toEqual([{ message: 'masked: over' }]);
    expect((await results.next()).done).toBe(true);
  });

  test('are missing if the context is not the one of the operation', async () => {
    expect(() => bufferedResultsOf({}, itemsOf() as AsyncIterable<never>)).toThrow('Yoga passes another context');
  });
});
