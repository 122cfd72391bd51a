import { type App, createApp } from '../../src/app/app.ts';
import { readEnv } from '../../src/env.ts';
import type { Logger } from '../../src/platform/lib/logger.ts';
import { testDatabase } from './database.ts';
import { unique } from './tenants.ts';

export interface TestServer {
  app: App;
  /** The URL of the GraphQL endpoint. */
  url: string;
  origin: string;
  close(): Promise<void>;
}

/** Starts the complete server on a free port, over the database of this test worker. The caller closes it. */
export async function startTestServer(env: Record<string, string> = {}, log?: Logger): Promise<TestServer> {
  const db = await testDatabase();
  const settings = {
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    SEED_DEMO: 'false',
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: '100000',
    ...env,
  };
  const app = await (db.urls
    ? createApp(readEnv({ ...settings, DATABASE_URL: db.urls.server }), { ...(log ? { log } : {}) })
    : createApp(readEnv({ ...settings, AGENTBASE_DATA_DIR: 'memory://' }), {
        ...(log ? { log } : {}),
        // The embedded database belongs to the test worker and outlives the server.
        connections: { database: db.database, redis: undefined, close: async () => {} },
      }));
  const origin = await app.listen();
  return { app, origin, url: `${origin}/graphql`, close: () => app.close() };
}

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses of any shape.
  body: any;
}

export async function post(
  url: string,
  query: string,
  variables: unknown = {},
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

export interface NewTenant {
  email: string;
  password: string;
  authorization: { authorization: string };
}

/** Creates a tenant by signing up a new user. */
export async function signUp(url: string): Promise<NewTenant> {
  const input = { email: `${unique('owner')}@example.test`, password: 'correct horse battery', tenantName: unique('tenant') };
  const { body } = await post(
    url,
    'mutation ($input: SignUpInput!) { signUp(input: $input) { ... on SignUpPayload { accessToken } ... on UserError { message } } }',
    { input },
  );
  return { ...input, authorization: { authorization: `Bearer ${body.data.signUp.accessToken}` } };
}

/** Creates an API key of a tenant, and returns its header. */
export async function apiKey(url: string, { authorization }: NewTenant, scopes: string[]): Promise<{ authorization: string }> {
  const { body } = await post(
    url,
    'mutation ($scopes: [ApiKeyScope!]!) { createApiKey(input: { name: "Test", scopes: $scopes }) { ... on CreateApiKeyPayload { secret } } }',
    { scopes },
    authorization,
  );
  return { authorization: `Bearer ${body.data.createApiKey.secret}` };
}

/** Creates an agent and a conversation with it. */
export async function conversation(
  url: string,
  { authorization }: NewTenant,
): Promise<{ agentId: string; conversationId: string }> {
  const agent = await post(
    url,
    'mutation { createAgent(input: { name: "Agent", provider: "p", model: "m" }) { ... on CreateAgentPayload { agent { id } } } }',
    {},
    authorization,
  );
  const agentId: string = agent.body.data.createAgent.agent.id;
  const made = await post(
    url,
    'mutation ($agentId: ID!) { createConversation(input: { agentId: $agentId }) { ... on CreateConversationPayload { conversation { id } } } }',
    { agentId },
    authorization,
  );
  return { agentId, conversationId: made.body.data.createConversation.conversation.id };
}
