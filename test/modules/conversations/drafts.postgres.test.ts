import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateSigningKey } from '../../../src/platform/auth/keyring.ts';
import type { NoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { createPostgresNoticeBus } from '../../../src/platform/live/transport/postgres-notice-bus.ts';
import { type ConversationFixture, createConversationFixture, openViews } from '../../platform/live/cluster.ts';
import { quiet, range } from '../../platform/live/live-harness.ts';
import { post, watchOverSse, watchOverWebSocket } from '../../platform/live/raw-clients.ts';
import { type ServerProcess, startServer } from '../../platform/live/server-process.ts';
import { throwawayDatabase } from '../../testkit/database.ts';
import { createAnswerer, DELTAS, type ReceivedEvent, Transcript } from './draft-harness.ts';

const ANSWERS = 12;
const TOKENS = 200;
const servers: ServerProcess[] = [];
let db: Awaited<ReturnType<typeof throwawayDatabase>>;
let room: ConversationFixture;
let transport: NoticeBus;

beforeAll(async () => {
  db = await throwawayDatabase();
  const environment = {
    DATABASE_URL: db.urls?.server ?? '',
    AUTH_KEYS: JSON.stringify({ keys: [await generateSigningKey()] }),
    API_KEY_PEPPER: 'a pepper for the processes of this test alone',
    RATE_LIMIT_PER_MINUTE: '1000000',
  };
  servers.push(...(await Promise.all([startServer(environment), startServer(environment)])));
  room = await createConversationFixture(() => servers[0]?.url ?? '');
  transport = createPostgresNoticeBus({ connectionString: db.urls?.server ?? '', log: quiet });
  transport.start();
  await vi.waitFor(() => expect(transport.healthy()).toBe(true), { timeout: 5_000 });
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.end('SIGKILL')));
  await transport.close();
  await db.close();
});

/** Follows until the last message, and resumes with the last number after each lost connection. */
async function follow(server: ServerProcess, watch: typeof watchOverSse, credential: string, patience: () => number) {
  const transcript = new Transcript();
  const events: number[] = [];
  let failure: unknown;
  while (transcript.messages.size < ANSWERS && !failure) {
    const connection = new AbortController();
    let left = patience();
    // A new connection receives a draft from its beginning.
    transcript.texts.clear();
    await watch({
      url: server.url,
      credential,
      query: DELTAS,
      variables: { id: room.conversationId, after: events.at(-1) ?? 0 },
      signal: connection.signal,
      onResult: ({ data, errors }) => {
        try {
          const event = data?.conversationEvents as ReceivedEvent | undefined;
          if (!event) throw new Error(`an event was expected: ${JSON.stringify(errors)}`);
          transcript.take(event);
          if (event.delta) expect(event.sequence).toBe(events.at(-1));
          else events.push(event.sequence);
        } catch (error) {
          failure = error;
        }
        if (--left === 0 || failure || transcript.messages.size === ANSWERS) connection.abort();
      },
    }).catch(() => {});
  }
  if (failure) throw failure;
  return { events, transcript };
}

test('delivers drafts of a worker on every server over both notice buses', { timeout: 120_000 }, async () => {
  const { secret } = await room.createKey();
  const [place] = await db.ownerQuery<{ id: string; agent_id: string; tenant_id: string }>(
    'SELECT id, agent_id, tenant_id FROM conversations',
  );
  if (!place) throw new Error('no conversation');
  const tenant = { id: place.tenant_id, agentId: place.agent_id, conversationId: place.id };
  const [first, second] = [createAnswerer(db, tenant, transport, 20), createAnswerer(db, tenant, transport, 20)];
  const readers = range(1, 12).map((number) =>
    follow(
      servers[number % 2] as ServerProcess,
      number % 4 < 2 ? watchOverSse : watchOverWebSocket,
      number % 3 === 0 ? room.accessToken : secret,
      number < 5 ? () => Number.POSITIVE_INFINITY : () => 5 + Math.floor(Math.random() * 50),
    ),
  );

  const contents = new Map<string, string>();
  for (const number of range(1, ANSWERS)) {
    const of = await first.start();
    let draft = first.writer.open(of);
    let content = '';
    for (const step of range(1, TOKENS)) {
      content += `${step} 😀 `;
      draft.append(`${step} 😀 `);
      if (step % 20 === 0) await draft.flush();
      // Another worker takes over before the first one notices.
      if (step === 90 && number % 2 === 0) {
        draft = second.writer.open(of);
        content = '';
      }
    }
    await draft.flush();
    contents.set(of.messageId, content);
    await second.finish(draft, of, content);
  }

  for (const { events, transcript } of await Promise.all(readers)) {
    expect(events).toEqual(range(1, events.length));
    expect(Object.fromEntries(transcript.messages)).toEqual(Object.fromEntries(contents));
    expect(transcript.deltas).toBeGreaterThan(ANSWERS);
  }
  await Promise.all([first.close(), second.close()]);
  for (const { url } of servers) {
    await vi.waitFor(async () => expect(await openViews(url)).toEqual({ feeds: 0, subscribers: 0, timers: 0 }), {
      timeout: 10_000,
      interval: 100,
    });
  }
  expect(await db.ownerQuery('SELECT FROM message_drafts')).toEqual([]);
});

test('ends draft delivery for a revoked API key on every server', { timeout: 60_000 }, async () => {
  const [place] = await db.ownerQuery<{ id: string; agent_id: string; tenant_id: string }>(
    'SELECT id, agent_id, tenant_id FROM conversations',
  );
  if (!place) throw new Error('no conversation');
  const tenant = { id: place.tenant_id, agentId: place.agent_id, conversationId: place.id };
  const answerer = createAnswerer(db, tenant, transport, 20);
  const { id, secret } = await room.createKey();
  const of = await answerer.start();
  const draft = answerer.writer.open(of);
  draft.append('Seen. ');
  let open = 0;
  const endings = servers.flatMap(({ url }) =>
    [watchOverSse, watchOverWebSocket].map(async (watch) => {
      const texts: string[] = [];
      let code: unknown;
      await watch({
        url,
        credential: secret,
        query: DELTAS,
        variables: { id: room.conversationId },
        signal: new AbortController().signal,
        onResult: ({ data, errors }) => {
          const event = data?.conversationEvents as ReceivedEvent | undefined;
          if (event?.delta && texts.push(event.delta.text) === 1) open++;
          code = errors?.[0]?.extensions?.code ?? code;
        },
      });
      return { texts, code };
    }),
  );
  await vi.waitFor(() => expect(open).toBe(4), { timeout: 10_000 });
  await post(servers[0]?.url ?? '', room.accessToken, 'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }', {
    id,
  });
  for (const { code } of await Promise.all(endings)) expect(code).toBe('UNAUTHENTICATED');
  draft.append('Not seen.');
  await draft.flush();
  for (const { texts } of await Promise.all(endings)) expect(texts.join('')).toBe('Seen. ');
  await draft.discard();
  await answerer.close();
});
