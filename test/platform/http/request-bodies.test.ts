import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sortedAccept } from '../../../src/platform/http/accept.ts';
import { ConcurrencyLimit } from '../../../src/platform/http/concurrency-limit.ts';
import { JsonScanner } from '../../../src/platform/http/json-body.ts';
import { BodyBudget } from '../../../src/platform/http/request-body.ts';
import { FairTurns } from '../../../src/platform/lib/fair-turns.ts';
import { conversation, type NewTenant, signUp, startTestServer, type TestServer } from '../../testkit/server.ts';

let server: TestServer;
let tenant: NewTenant;

beforeAll(async () => {
  server = await startTestServer();
  tenant = await signUp(server.url);
});
afterAll(() => server.close());

const VALID = '{"query":"{ __typename }"}';

async function send(
  body: BodyInit,
  headers: Record<string, string>,
): Promise<[status: number, code: string | undefined, type: string | null]> {
  const response = await fetch(server.url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  const result = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return [response.status, result.errors?.[0]?.extensions.code, response.headers.get('content-type')];
}

describe('a request body', () => {
  test.each([
    ['compressed, whatever it contains', VALID, { 'content-encoding': 'gzip' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['in another charset', VALID, { 'content-type': 'application/json; charset=utf-16' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), {}, 400, 'BAD_REQUEST'],
    ['of an empty object', '{}', {}, 400, 'BAD_REQUEST'],
    ['of an empty list', '[]', {}, 400, 'BAD_REQUEST'],
    ['of null', 'null', {}, 400, 'BAD_REQUEST'],
    ['of spaces', ' '.repeat(1_000), {}, 400, 'BAD_REQUEST'],
    [
      'with 20,000 members',
      `{"variables":{${Array.from({ length: 20_000 }, (_, i) => `"${i}":1`).join()}}}`,
      {},
      400,
      'BAD_REQUEST',
    ],
    ['with 30,000 items', JSON.stringify({ variables: { a: Array(30_000).fill(1) } }), {}, 400, 'BAD_REQUEST'],
  ])('%s is refused', async (_what, body, headers, status, code) => {
    expect((await send(body, { ...tenant.authorization, ...headers })).slice(0, 2)).toEqual([status, code]);
  });

  test.each([
    ['identity', { 'content-encoding': 'identity' }],
    ['a quoted charset', { 'content-type': 'application/json; charset="UTF-8"' }],
  ])('with %s is accepted', async (_what, headers) => {
    expect((await send(VALID, { ...tenant.authorization, ...headers })).slice(0, 2)).toEqual([200, undefined]);
  });

  test('above 64 KiB needs a credential', async () => {
    const large = JSON.stringify({ query: '{ __typename }', variables: { unused: 'x'.repeat(100_000) } });
    expect((await send(large, {})).slice(0, 2)).toEqual([413, 'BODY_TOO_LARGE']);
    expect((await send(large, tenant.authorization)).slice(0, 2)).toEqual([200, undefined]);
  });

  test('of a form with more parts than an operation has is refused', async () => {
    const form = (parts: number) => {
      const data = new FormData();
      data.set('operations', VALID);
      data.set('map', '{}');
      for (let part = 0; part < parts; part++) data.set(`file${part}`, 'x');
      return data;
    };
    const post = async (parts: number) =>
      (await fetch(server.url, { method: 'POST', body: form(parts), headers: tenant.authorization })).status;
    expect(await post(0)).toBe(200);
    expect(await post(100)).toBe(400);
  });
});

describe('the response', () => {
  test.each([
    ['application/json;q=0.5, application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
    ['application/graphql-response+json;q=0.1, application/json', 'application/json; charset=utf-8'],
    ['application/json; q=0, */*; q=0.1', 'application/json; charset=utf-8'],
    ['text/html, application/graphql-response+json;q=0.2', 'application/graphql-response+json; charset=utf-8'],
  ])('to Accept %s has the type of the highest quality', async (accept, type) => {
    for (const headers of [{ accept }, { accept, ...tenant.authorization }]) expect((await send(VALID, headers))[2]).toBe(type);
  });
});

describe('the response of a subscription', () => {
  test.each(['text/event-stream', 'text/event-stream, */*;q=0.1', 'multipart/mixed'])(
    'as %s passes proxies at once',
    async (accept) => {
      const { conversationId } = await conversation(server.url, tenant);
      const stop = new AbortController();
      const response = await fetch(server.url, {
        method: 'POST',
        signal: stop.signal,
        headers: { 'content-type': 'application/json', accept, ...tenant.authorization },
        body: JSON.stringify({
          query: 'subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 0) { sequence } }',
          variables: { id: conversationId },
        }),
      });
      stop.abort();
      expect(response.headers.get('content-type')).toMatch(/^(text\/event-stream|multipart\/mixed)/);
      expect(response.headers.get('x-accel-buffering')).toBe('no');
      expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
    },
  );
});

describe('sortedAccept', () => {
  test.each([
    ['application/json', 'application/json'],
    ['a/b;q=0.1, c/d;q=0.9;level=1, e/f', 'e/f, c/d, a/b'],
    ['a/b;q=0', 'none/none'],
    ['a/b;q=x, c/d;q=0.1', 'c/d'],
    ['a/b;charset=utf-8;q=0.2, c/d;q=0.3', 'c/d, a/b;charset=utf-8'],
  ])('%s', (given, sorted) => {
    expect(sortedAccept(given)).toBe(sorted);
  });
});

describe('JsonScanner', () => {
  const limits = { depth: 3, members: 4, values: 6 };
  test.each([
    ['[[[1]]]', undefined],
    ['[[[[1]]]]', 'The JSON has more than 3 levels.'],
    ['{"a":1,"b":2,"c":3,"d":4}', undefined],
    ['{"a":1,"b":2,"c":3,"d":4,"e":5}', 'The JSON has more than 4 members of objects.'],
    ['[1,2,3,4,5,6,7,8]', 'The JSON has more than 6 values.'],
    ['"[[[[[[,,,,,,,,,::::::"', undefined],
    [String.raw`["\"[[[[\\", "{{{{"]`, undefined],
    ['   ', undefined],
  ])('reads %s whole and byte by byte', (text, problem) => {
    const bytes = Buffer.from(text);
    expect(new JsonScanner(limits).push(bytes)).toBe(problem);
    const scanner = new JsonScanner(limits);
    const found = [...bytes].map((byte) => scanner.push(Buffer.from([byte])));
    expect(found.find((each) => each !== undefined)).toBe(problem);
  });
});

describe('limits of a sender', () => {
  test('bodies count until they are released, for the sender and for all', () => {
    const budget = new BodyBudget(300_000, 200_000);
    const release = budget.take('one', 150_000);
    expect(() => budget.take('one', 100_000)).toThrow('Too many large requests at once.');
    expect(budget.take('one', 1_000)).toBeTypeOf('function');
    const other = budget.take('other', 140_000);
    expect(() => budget.take('third', 100_000)).toThrow('The server is reading too many large requests.');
    release();
    other();
    expect(budget.take('one', 200_000)).toBeTypeOf('function');
  });

  test('requests in progress count until they end', () => {
    const limit = new ConcurrencyLimit(2, 'requests in progress');
    const leave = limit.enter('one');
    limit.enter('one');
    expect(() => limit.enter('one')).toThrow('You have 2 requests in progress, the most at once.');
    expect(limit.enter('other')).toBeTypeOf('function');
    leave();
    leave();
    limit.enter('one');
    expect(() => limit.enter('one')).toThrow();
  });

  test('turns of the event loop rotate over senders', async () => {
    const turns = new FairTurns();
    const order: string[] = [];
    const work = ['a', 'a', 'a', 'b', 'b', 'c'].map(async (key) => {
      await turns.take(key);
      order.push(key);
    });
    await Promise.all(work);
    expect(order.join('')).toBe('abcaba');
  });
});
