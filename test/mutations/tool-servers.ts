import { encodeGlobalId } from '../../src/platform/graphql/kit/global-id.ts';
import { startToolServer, type ToolServer } from '../modules/tool-servers/tool-server.ts';
import { pick } from '../testkit/graph.ts';
import type { MutationCase, MutationCases } from './cases.ts';

const server = (id: string) => encodeGlobalId('McpServer', id);
const tool = (id: string) => encodeGlobalId('McpTool', id);

let running: Promise<ToolServer> | undefined;

/** Registers and configures a running server. The server of a populated tenant has an unreachable address. */
const prepare: MutationCase['prepare'] = async (_tenant, call) => {
  running ??= startToolServer();
  const { url } = await running;
  const registered = await call('registerMcpServer', { name: 'Tools', transport: 'STREAMABLE_HTTP', url });
  const id = pick(registered, 'result.server.id');
  await call('configureMcpServer', { serverId: id, secrets: { Authorization: 'Bearer matrix-of-mutations' } });
  return { id };
};

const newServer = { name: 'GitHub', transport: 'STREAMABLE_HTTP', url: 'https://mcp.example.test/mcp' };

export const toolServers: MutationCases = {
  registerMcpServer: {
    payload: 'server { id slug transport status isPlatform isPublic url createdBy { email } config { id } }',
    success: () => newServer,
    badInput: () => ({ ...newServer, url: 'https://169.254.169.254/latest/meta-data' }),
    audit: ['mcp_server.created'],
  },
  updateMcpServer: {
    payload: 'server { name status description }',
    success: async ({ anyId }) => ({
      id: server(await anyId('mcp_servers')),
      name: 'Renamed',
      status: 'DISABLED',
      description: 'New',
    }),
    badInput: async ({ anyId }) => ({ id: server(await anyId('mcp_servers')), isPublic: true }),
    audit: ['mcp_server.updated'],
  },
  configureMcpServer: {
    payload:
      'config { enabled secretNames oauth { issuer clientId scope algorithm } limits { timeoutMs concurrency } allowedUsers { email } server { name } }',
    prepare: async ({ anyId }) => ({ configId: await anyId('mcp_server_configs') }),
    success: async ({ owner, anyId }) => ({
      serverId: server(await anyId('mcp_servers')),
      enabled: false,
      secrets: { 'X-Key': 'something' },
      oauth: { issuer: 'http://127.0.0.1:4000', clientId: 'agentbase', clientSecret: 'something' },
      limits: { timeoutMs: 5_000 },
      allowedUserIds: [owner.userId],
    }),
    badInput: async ({ anyId }) => ({
      serverId: server(await anyId('mcp_servers')),
      secrets: { Host: 'elsewhere.example.test' },
    }),
    audit: ['mcp_server_config.updated'],
  },
  refreshMcpTools: {
    payload:
      'config { refreshedAt refreshError tools { nodes { name status approvedBy { email } } } resources { nodes { uri } } }',
    prepare,
    success: (_tenant, { id }) => ({ serverId: id }),
    audit: ['mcp_tool.created'],
  },
  approveMcpTool: {
    payload: 'tool { status approvedAt approvedBy { email } }',
    prepare: async (tenant, call) => {
      const answer = await call('updateMcpTool', { id: tool(await tenant.anyId('mcp_tools')) });
      return { hash: pick(answer, 'result.tool.definitionHash') };
    },
    success: async ({ anyId }, { hash }) => ({ id: tool(await anyId('mcp_tools')), definitionHash: hash }),
    badInput: async ({ anyId }) => ({ id: tool(await anyId('mcp_tools')), definitionHash: 'f'.repeat(64) }),
    audit: ['mcp_tool.updated'],
  },
  updateMcpTool: {
    payload: 'tool { enabled requiresApproval definitionHash }',
    success: async ({ anyId }) => ({ id: tool(await anyId('mcp_tools')), enabled: false, requiresApproval: true }),
    badInput: async ({ anyId }) => ({ id: server(await anyId('mcp_servers')), enabled: false }),
    audit: ['mcp_tool.updated'],
  },
  executeMcpTool: {
    payload: 'output execution { toolName status parameters result durationMs user { email } }',
    prepare: async (tenant, call) => {
      const prepared = (await prepare(tenant, call)) ?? {};
      await call('refreshMcpTools', { serverId: prepared.id });
      return prepared;
    },
    success: (_tenant, { id }) => ({ serverId: id, name: 'echo', arguments: { message: 'hello' } }),
    badInput: async ({ anyId }, { id }) => ({ toolId: tool(await anyId('mcp_tools')), serverId: id, name: 'echo' }),
    otherTenant: async (other) => ({ toolId: tool(await other.anyId('mcp_tools')) }),
    // Executions are recorded in their own table.
    audit: [],
  },
};
