import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { append, type ConversationFixture, createConversationFixture, EVENTS } from '../cluster.ts';
import { post, type Watcher, type WireResult, watchOverSse, watchOverWebSocket } from '../raw-clients.ts';
import { type ServerProcess, startServer } from '../server-process.ts';

let server: ServerProcess;
let room: ConversationFixture;

beforeAll(async () => {
  server = await startServer({ AGENTBASE_DATA_DIR: 'memory://', SEED_DEMO: 'false', RATE_LIMIT_PER_MINUTE: '1000000' });
  room = await createConversationFixture(() => server.url);
});
afterAll(() => server.end('SIGKILL'));

/** Subscribes until the test or the subscription ends. */
function follow(watch: Watcher, credential: string, signal: AbortSignal, query = EVENTS): WireResult[] {
  const results: WireResult[] = [];
  const variables = { id: room.conversationId, after: 0 };
  const watching = watch({ url: server.url, credential, query, variables, signal, onResult: (result) => results.push(result) });
  watching.catch((error: unknown) => {
    if (!signal.aborted) results.push({ errors: [{ message: String(error) }] });
  });
  return results;
}

const contents = (results: WireResult[]) =>
  results.flatMap(
    ({ data }) => (data?.conversationEvents as { message?: { content: string } } | undefined)?.message?.content ?? [],
  );

test('ends the revoked reader of a shared result and continues for the others', { timeout: 30_000 }, async () => {
  const connections = new AbortController();
  const [stays, goes] = [await room.createKey(), await room.createKey()];
  const writer = await room.createKey();
  const say = (content: string) => append(() => server.url, writer.secret, room.conversationId, content);
  const watchers = [watchOverSse, watchOverWebSocket].map((watch) => ({
    remaining: follow(watch, stays.secret, connections.signal),
    revoked: follow(watch, goes.secret, connections.signal),
  }));
  await say('to both');
  for (const { remaining, revoked } of watchers) {
    await vi.waitFor(() => expect([contents(remaining), contents(revoked)]).toEqual([['to both'], ['to both']]), {
      timeout: 10_000,
    });
  }

  const mutation = `mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }`;
  const revoked = await post(server.url, room.accessToken, mutation, { id: goes.id });
  expect(revoked).toMatchObject({ data: { revokeApiKey: { __typename: 'RevokeApiKeyPayload' } } });
  for (const { revoked } of watchers) {
    await vi.waitFor(() => expect(revoked.at(-1)?.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED'), { timeout: 10_000 });
  }
  await say('to who stays');
  for (const { remaining, revoked } of watchers) {
    await vi.waitFor(() => expect(contents(remaining)).toEqual(['to both', 'to who stays']), { timeout: 10_000 });
    expect(contents(revoked)).toEqual(['to both']);
  }
  connections.abort();
});

test('delivers less of an event to a reader with fewer permissions', { timeout: 30_000 }, async () => {
  const connections = new AbortController();
  const query = `subscription ($id: ID!, $after: Int) { conversationEvents(conversationId: $id, after: $after) {
    message { content } conversation { agent { createdBy { email } } } } }`;
  const key = await room.createKey();
  const all = follow(watchOverWebSocket, room.accessToken, connections.signal, query);
  const less = follow(watchOverWebSocket, key.secret, connections.signal, query);
  await append(() => server.url, key.secret, room.conversationId, 'to all');
  await vi.waitFor(() => expect([contents(all).at(-1), less.length]).toEqual(['to all', all.length]), { timeout: 10_000 });
  expect(all.every(({ errors }) => errors === undefined)).toBe(true);
  expect(less.every(({ errors }) => errors?.[0]?.extensions?.code === 'FORBIDDEN')).toBe(true);
  connections.abort();
});
