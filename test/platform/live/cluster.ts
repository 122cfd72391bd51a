import { expect, vi } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { unique } from '../../testkit/tenants.ts';
import { post, type Watcher, type WireResult } from './raw-clients.ts';

export const EVENTS = `subscription ($id: ID!, $after: Int) {
  conversationEvents(conversationId: $id, after: $after) { sequence message { sequence content } } }`;

export interface ConversationFixture {
  accessToken: string;
  conversationId: string;
  /** Creates an API key that may read and write conversations. */
  createKey(): Promise<{ id: string; secret: string }>;
}

function payloadOf(result: WireResult, field: string): Record<string, unknown> {
  const payload = result.data?.[field] as Record<string, unknown> | undefined;
  if (!payload || 'message' in payload) throw new Error(`${field}: ${JSON.stringify(result)}`);
  return payload;
}

/** Signs up and creates an agent and a conversation on the given server. */
export async function createConversationFixture(urls: () => string): Promise<ConversationFixture> {
  const signUp = await post(
    urls(),
    undefined,
    `mutation ($email: String!) { signUp(input: { email: $email, password: "correct horse battery", tenantName: "Watchers" }) {
      ... on SignUpPayload { accessToken } ... on UserError { message } } }`,
    { email: `${unique('owner')}@example.test` },
  );
  const accessToken = payloadOf(signUp, 'signUp').accessToken as string;
  const ask = async (field: string, query: string, variables = {}) =>
    payloadOf(await post(urls(), accessToken, query, variables), field);
  const { agent } = await ask(
    'createAgent',
    `mutation { createAgent(input: { name: "Bot", provider: "local", model: "echo" }) {
      ... on CreateAgentPayload { agent { id } } ... on UserError { message } } }`,
  );
  const { conversation } = await ask(
    'createConversation',
    `mutation ($id: ID!) { createConversation(input: { agentId: $id }) {
      ... on CreateConversationPayload { conversation { id } } ... on UserError { message } } }`,
    { id: (agent as { id: string }).id },
  );
  return {
    accessToken,
    conversationId: (conversation as { id: string }).id,
    async createKey() {
      const { apiKey, secret } = await ask(
        'createApiKey',
        `mutation { createApiKey(input: { name: "Runtime", scopes: [AGENTS_EXECUTE] }) {
          ... on CreateApiKeyPayload { secret apiKey { id } } ... on UserError { message } } }`,
      );
      return { id: (apiKey as { id: string }).id, secret: secret as string };
    },
  };
}

/** Appends one message through any available server. The idempotency key allows retries. */
export async function append(urls: () => string, secret: string, conversationId: string, content: string): Promise<void> {
  const idempotencyKey = newId();
  await vi.waitFor(
    async () => {
      const result = await post(
        urls(),
        secret,
        `mutation ($id: ID!, $content: String!, $key: String!) {
          appendMessage(input: { conversationId: $id, role: USER, content: $content, idempotencyKey: $key }) { __typename } }`,
        { id: conversationId, content, key: idempotencyKey },
      );
      expect(result).toMatchObject({ data: { appendMessage: { __typename: 'AppendMessagePayload' } } });
    },
    { timeout: 30_000, interval: 50 },
  );
}

export interface Follower {
  /** Sequence numbers of the received events in order, over all connections. */
  events: number[];
  messages: number[];
  connections: number;
}

export interface Following {
  watch: Watcher;
  urls: () => string;
  credential: string;
  conversationId: string;
  /** Expected number of messages. */
  messages: number;
  /** Number of events after which the client drops the connection. */
  patience: () => number;
}

/** Reads all messages of a conversation. Drops its connection repeatedly and resumes with the last sequence number. */
export async function followToTheEnd({
  watch,
  urls,
  credential,
  conversationId,
  messages,
  patience,
}: Following): Promise<Follower> {
  const follower: Follower = { events: [], messages: [], connections: 0 };
  while (follower.messages.length < messages) {
    const connection = new AbortController();
    let left = patience();
    follower.connections++;
    await watch({
      url: urls(),
      credential,
      query: EVENTS,
      variables: { id: conversationId, after: follower.events.at(-1) ?? 0 },
      signal: connection.signal,
      onResult: ({ data, errors }) => {
        const event = data?.conversationEvents as { sequence: number; message: { sequence: number } | null } | undefined;
        if (!event) throw new Error(`an event was expected: ${JSON.stringify(errors)}`);
        follower.events.push(event.sequence);
        if (event.message) follower.messages.push(event.message.sequence);
        if (--left === 0 || follower.messages.length >= messages) connection.abort();
      },
    }).catch(() => {});
  }
  return follower;
}

/**
 * How a subscription ended: the `extensions` of its last result.
 * @param opened called with the first result
 */
export async function endOf(watch: Watcher, url: string, credential: string, conversationId: string, opened: () => void) {
  const results: WireResult[] = [];
  const connection = new AbortController();
  await watch({
    url,
    credential,
    query: EVENTS,
    variables: { id: conversationId, after: 0 },
    signal: connection.signal,
    onResult: (result) => {
      results.push(result);
      if (results.length === 1) opened();
    },
  });
  return results.at(-1)?.errors?.[0]?.extensions;
}

/** Open resources according to `/metrics`. */
export async function openViews(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Object.fromEntries(
    [...text.matchAll(/^agentbase_live\{what="(\w+)"\} (\d+)$/gm)].map(([, what, count]) => [what, Number(count)]),
  );
}
