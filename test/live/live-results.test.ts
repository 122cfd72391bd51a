import { type ExecutionArgs, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { permissionsOfScope } from '../../src/auth/permissions.ts';
import type { GraphQLContext } from '../../src/graphql/context.ts';
import { LiveResults } from '../../src/graphql/live-results.ts';
import { createLoaders } from '../../src/graphql/loaders.ts';
import { schema } from '../../src/graphql/schema.ts';
import { SharedResults } from '../../src/graphql/shared-results.ts';
import { newId } from '../../src/lib/ids.ts';
import type { ReadyIterator } from '../../src/live/ready.ts';
import type { Told } from '../../src/live/told-to-the-end.ts';
import { viewerOf } from './memory-log.ts';

/** Rows that are there, one after the other. */
function rowsOf(...told: Told<object>[]): ReadyIterator<Told<object>> {
  return {
    take: () => told.shift(),
    ready: () => (told.length > 0 ? undefined : new Promise<void>(() => {})),
    async next() {
      const value = told.shift();
      return value ? { done: false, value } : { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function resultsOf(rows: ReadyIterator<Told<object>>, shared = new SharedResults()): LiveResults {
  const viewer = { ...viewerOf(newId()), permissions: new Set(permissionsOfScope('agents:execute')) };
  const contextValue = {
    viewer,
    database: {},
    request: { requestId: 'test' },
    loaders: createLoaders(),
  } as unknown as GraphQLContext;
  const document = parse('subscription { conversationEvents(conversationId: "1") { sequence type } }');
  const args: ExecutionArgs = { schema, document, contextValue };
  return new LiveResults(args, rows, shared.reader('key'));
}

const event = (sequence: number) => ({ sequence, type: 'CONVERSATION_UPDATED', payload: null });
const data = (sequence: number) => ({ data: { conversationEvents: { sequence, type: 'CONVERSATION_UPDATED' } } });

describe('results that are taken', () => {
  test('come in the order of their rows, and as soon as they are there', async () => {
    const results = resultsOf(rowsOf({ row: event(1) }, { row: event(2) }));
    for (const sequence of [1, 2]) {
      expect(results.take()).toBeUndefined();
      await results.ready();
      expect(results.take()).toMatchObject(data(sequence));
    }
    expect(results.take()).toBeUndefined();
    expect(results.ready()).toBeInstanceOf(Promise);
  });

  test('are there at once where somebody else has had them executed', async () => {
    const shared = new SharedResults();
    const rows = [event(1), event(2)];
    const [first, second] = [
      resultsOf(rowsOf(...rows.map((row) => ({ row }))), shared),
      resultsOf(rowsOf(...rows.map((row) => ({ row }))), shared),
    ];
    const executed = [(await first.next()).value, (await first.next()).value];
    expect([second.take(), second.take()]).toEqual(executed);
  });

  test('have no errors: those are asked for', async () => {
    const results = resultsOf(rowsOf({ ended: new Error('over') }));
    expect(results.take()).toBeUndefined();
    await results.ready();
    expect(results.take()).toBeUndefined();
    expect(results.ready()).toBeUndefined();
    expect((await results.next()).value?.errors).toMatchObject([{ message: 'over' }]);
    expect((await results.next()).done).toBe(true);
  });

  test('are not lost when the next one is asked for before they are there', async () => {
    const results = resultsOf(rowsOf({ row: event(1) }, { row: event(2) }));
    expect(results.take()).toBeUndefined();
    expect((await results.next()).value).toMatchObject(data(1));
    expect((await results.next()).value).toMatchObject(data(2));
  });
});
