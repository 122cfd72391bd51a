import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { createApiKey } from '../../../src/modules/tenancy/api-keys/manage-api-keys.ts';
import type { Role, Scope } from '../../../src/platform/auth/permissions.ts';
import { startTestServer, type TestServer } from '../../testkit/server.ts';
import { asViewer, contextOf, createConversation, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

/** A production server with tenants and connected clients. */
export interface Installation extends TestServer {
  mcpUrl: string;
  /** Creates a tenant with a row in every table, a VIEWER and an indexed document. */
  tenant(): Promise<TestTenant>;
  /** Returns the access token of a member. */
  token(tenant: TestTenant, role?: Role): Promise<string>;
  /** Returns the secret of a new API key of the owner. */
  key(tenant: TestTenant, scopes: Scope[]): Promise<string>;
  /** Returns an initialized client. Closed with the installation. */
  connect(credential: string | undefined, headers?: Record<string, string>): Promise<Client>;
}

export function clientTo(url: string, headers: Record<string, string>): { client: Client; open(): Promise<void> } {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  return { client, open: () => client.connect(transport) };
}

export async function startInstallation(env: Record<string, string> = {}): Promise<Installation> {
  const server = await startTestServer(env);
  const { services } = server.app;
  const clients: Client[] = [];
  const mcpUrl = `${server.origin}/mcp`;
  return {
    ...server,
    mcpUrl,
    async tenant() {
      const tenant = await createTenant(services, { members: ['VIEWER'], rows: ['documents'] });
      await createConversation(tenant);
      await tenant.row('chunks', { content: 'Hello there', position: 0 });
      await services.database.transactionAs(contextOf(tenant), () =>
        services.prisma.document.updateMany({
          where: { id: tenant.idOf('documents') },
          data: { status: 'INDEXED', totalChunks: 1 },
        }),
      );
      return tenant;
    },
    async token(tenant, role = 'OWNER') {
      const userId = asViewer(tenant, role).userId ?? '';
      const member = { userId, tenantId: tenant.id, role };
      const session = await services.database.transactionAs({ tenantId: tenant.id, userId }, () =>
        services.auth.issueSession(member),
      );
      return session.accessToken;
    },
    async key(tenant, scopes) {
      const viewer = asViewer(tenant);
      const { secret } = await services.database.transactionAs(contextOf(tenant), () =>
        createApiKey(services, viewer, { name: unique('key'), scopes }),
      );
      return secret;
    },
    async connect(credential, headers = {}) {
      const { client, open } = clientTo(mcpUrl, { ...(credential ? { authorization: `Bearer ${credential}` } : {}), ...headers });
      await open();
      clients.push(client);
      return client;
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
      await server.close();
    },
  };
}

export interface CallOutcome<T> {
  /** Undefined if the call failed. */
  output: T | undefined;
  /** The error text of a failed call. */
  failure: string | undefined;
  code: unknown;
  result: CallToolResult;
}

/** Calls a tool through a client. */
export async function call<T = Record<string, unknown>>(
  client: Client,
  name: string,
  input: object = {},
): Promise<CallOutcome<T>> {
  const result = (await client.callTool({ name, arguments: { ...input } })) as CallToolResult;
  const [first] = result.content;
  return {
    output: result.isError ? undefined : (result.structuredContent as T),
    failure: result.isError && first?.type === 'text' ? first.text : undefined,
    code: result._meta?.['agentbase/code'],
    result,
  };
}

/** Posts a raw message without a client. */
export function postMessage(url: string, message: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  });
}

export const LIST_TOOLS = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
