import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { append, type ConversationFixture, createConversationFixture, endOf, followToTheEnd, openViews } from './cluster.ts';
import { range } from './live-harness.ts';
import { watchOverSse, watchOverWebSocket } from './raw-clients.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const MESSAGES = 200;
let server: ServerProcess;
let room: ConversationFixture;

beforeAll(async () => {
  server = await startServer({ AGENTBASE_DATA_DIR: 'memory://', SEED_DEMO: 'false', RATE_LIMIT_PER_MINUTE: '1000000' });
  room = await createConversationFixture(() => server.url);
});
afterAll(() => server.end('SIGKILL'));

test('every subscriber of the embedded server that resumes with its last number misses nothing', {
  timeout: 60_000,
}, async () => {
  const { secret } = await room.createKey();
  const { conversationId } = room;
  const readers = range(1, 20).map((index) =>
    followToTheEnd({
      watch: index % 2 === 0 ? watchOverSse : watchOverWebSocket,
      urls: () => server.url,
      credential: secret,
      conversationId,
      messages: MESSAGES,
      patience: () => 10 + Math.floor(Math.random() * 90),
    }),
  );
  const work = range(1, MESSAGES)[Symbol.iterator]();
  const write = async () => {
    for (const number of work) await append(() => server.url, secret, conversationId, `Message ${number}`);
  };
  await Promise.all(range(1, 4).map(write));
  for (const { events, messages } of await Promise.all(readers)) {
    expect(messages).toEqual(range(1, MESSAGES));
    expect(events).toEqual(range(1, MESSAGES + 1));
  }
  await vi.waitFor(async () => expect(await openViews(server.url)).toEqual({ feeds: 0, subscribers: 0, timers: 0 }), {
    timeout: 10_000,
    interval: 100,
  });
});

test('the embedded server ends every stream with SERVER_SHUTDOWN', { timeout: 30_000 }, async () => {
  let open = 0;
  const endings = [watchOverSse, watchOverWebSocket].map((watch) =>
    endOf(watch, server.url, room.accessToken, room.conversationId, () => open++),
  );
  await vi.waitFor(() => expect(open).toBe(2), { timeout: 10_000 });
  await server.end('SIGTERM');
  for (const extensions of await Promise.all(endings)) expect(extensions).toMatchObject({ code: 'SERVER_SHUTDOWN' });
});
