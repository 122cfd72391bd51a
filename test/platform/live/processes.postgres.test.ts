import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateSigningKey } from '../../../src/platform/auth/keyring.ts';
import { throwawayDatabase } from '../../testkit/database.ts';
import { append, type ConversationFixture, createConversationFixture, endOf, followToTheEnd, openViews } from './cluster.ts';
import { range } from './live-harness.ts';
import { post, watchOverSse, watchOverWebSocket } from './raw-clients.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const MESSAGES = 1_000;
const SUBSCRIBERS = 20;
const WRITERS = 6;
const NOTHING = { feeds: 0, subscribers: 0, timers: 0 };

const redisUrl = process.env.TEST_REDIS_URL;
const carriers: [string, Record<string, string>][] = [
  ['PostgreSQL', {}],
  ...(redisUrl ? [['Redis', { REDIS_URL: redisUrl }] as [string, Record<string, string>]] : []),
];

function pick<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)] as T;
}

describe.each(carriers)('two server processes with notices over %s', (_carrier, extra) => {
  const servers: ServerProcess[] = [];
  let db: Awaited<ReturnType<typeof throwawayDatabase>>;
  let environment: Record<string, string>;
  let room: ConversationFixture;
  const anyUrl = () => pick(servers).url;

  beforeAll(async () => {
    db = await throwawayDatabase();
    environment = {
      DATABASE_URL: db.urls?.server ?? '',
      AUTH_KEYS: JSON.stringify({ keys: [await generateSigningKey()] }),
      API_KEY_PEPPER: 'a pepper for the processes of this test alone',
      RATE_LIMIT_PER_MINUTE: '1000000',
      ...extra,
    };
    servers.push(...(await Promise.all([startServer(environment), startServer(environment)])));
    room = await createConversationFixture(anyUrl);
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.end('SIGKILL')));
    await db.close();
  });

  test('every subscriber that resumes with its last number receives exactly 1 to 1000', { timeout: 180_000 }, async () => {
    const { conversationId } = room;
    const { secret } = await room.createKey();
    const readers = range(1, SUBSCRIBERS).map((index) =>
      followToTheEnd({
        watch: index % 2 === 0 ? watchOverSse : watchOverWebSocket,
        urls: anyUrl,
        credential: index % 4 < 2 ? secret : room.accessToken,
        conversationId,
        messages: MESSAGES,
        patience: () => 50 + Math.floor(Math.random() * 400),
      }),
    );

    const work = range(1, MESSAGES)[Symbol.iterator]();
    let killed: Promise<void> | undefined;
    const write = async () => {
      for (const number of work) {
        await append(anyUrl, secret, conversationId, `Message ${number}`);
        if (number < MESSAGES / 2 || killed) continue;
        const [victim] = servers.splice(1, 1);
        killed = victim?.end('SIGKILL');
      }
    };
    await Promise.all(range(1, WRITERS).map(write));
    await killed;
    servers.push(await startServer(environment));

    for (const { events, messages, connections } of await Promise.all(readers)) {
      expect(messages).toEqual(range(1, MESSAGES));
      expect(events).toEqual(range(1, MESSAGES + 1));
      expect(connections).toBeGreaterThan(2);
    }
    for (const { url } of servers) {
      await vi.waitFor(async () => expect(await openViews(url)).toEqual(NOTHING), { timeout: 10_000, interval: 100 });
    }
  });

  test('a revoked key ends its streams on every server within 5 seconds', { timeout: 60_000 }, async () => {
    const { id, secret } = await room.createKey();
    let open = 0;
    const endings = servers.flatMap(({ url }) =>
      [watchOverSse, watchOverWebSocket].map((watch) =>
        endOf(watch, url, secret, room.conversationId, () => open++).then((extensions) => ({ extensions, at: Date.now() })),
      ),
    );
    await vi.waitFor(() => expect(open).toBe(4), { timeout: 10_000 });
    const revoked = await post(
      anyUrl(),
      room.accessToken,
      'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename ... on UserError { message } } }',
      { id },
    );
    expect(revoked).toMatchObject({ data: { revokeApiKey: { __typename: 'RevokeApiKeyPayload' } } });
    const revokedAt = Date.now();
    for (const { extensions, at } of await Promise.all(endings)) {
      expect(extensions).toMatchObject({ code: 'UNAUTHENTICATED', after: expect.any(Number) });
      expect(at - revokedAt).toBeLessThan(5_000);
    }
    for (const { url } of servers) expect(await openViews(url)).toEqual(NOTHING);
  });

  test('a stopping server ends every stream with SERVER_SHUTDOWN and closes all connections', { timeout: 60_000 }, async () => {
    let open = 0;
    const endings = servers.flatMap(({ url }) =>
      [watchOverSse, watchOverWebSocket].map((watch) => endOf(watch, url, room.accessToken, room.conversationId, () => open++)),
    );
    await vi.waitFor(() => expect(open).toBe(4), { timeout: 10_000 });
    await Promise.all(servers.map((server) => server.end('SIGTERM')));
    for (const extensions of await Promise.all(endings)) {
      expect(extensions).toMatchObject({ code: 'SERVER_SHUTDOWN', after: expect.any(Number) });
    }
    await vi.waitFor(
      async () => {
        const left = await db.ownerQuery(
          "SELECT application_name, query FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'agentbase%'",
        );
        // The pool of this test itself has the same name.
        expect(left.filter(({ application_name }) => application_name === 'agentbase live')).toEqual([]);
      },
      { timeout: 5_000 },
    );
  });
});
