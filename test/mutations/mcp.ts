import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import { startToolServer, type ToolServer } from '../mcp/module/tool-server.ts';
import { at } from '../testkit/graph.ts';
import type { MutationCase, MutationCases } from './cases.ts';

const server = (id: string) => encodeGlobalId('McpServer', id);
const tool = (id: string) => encodeGlobalId('McpTool', id);

let running: Promise<ToolServer> | undefined;

/** A server that can be called, registered and configured. The one of a populated tenant is an address where nobody is. */
const prepare: MutationCase['prepare'] = async (_tenant, call) => {
  running ??= startToolServer();
  const { url } = await running;
  const registered = await call('registerMcpServer', { name: 'Tools', transport: 'STREAMABLE_HTTP', url });
  const id = at(registered, 'result.server.id');
  await call('configureMcpServer', { serverId: id, secrets: { Authorization: 'Bearer matrix-of-mutations' } });
  return { id };
};

const newServer = { name: 'GitHub', transport: 'STREAMABLE_HTTP', url: 'https://mcp.example.test/mcp' };

export const mcp: MutationCases = {
  registerMcpServer: {
    payload: 'server { id slug transport status isPlatform isPublic url createdBy { email } config { id } }',
    refused: 'MEMBER',
    success: () => newServer,
    badInput: () => ({ ...newServer, url: 'https://169.254.169.254/latest/meta-data' }),
    // A new server refers to nothing that another tenant could own.
    otherTenant: undefined,
    audit: ['mcp_server.created'],
  },
  updateMcpServer: {
    payload: 'server { name status description }',
    refused: 'MEMBER',
    success: ({ mcpServerId }) => ({ id: server(mcpServerId), name: 'Renamed', status: 'DISABLED', description: 'New' }),
    badInput: ({ mcpServerId }) => ({ id: server(mcpServerId), isPublic: true }),
    otherTenant: (other) => ({ id: server(other.mcpServerId), name: 'Stolen' }),
    audit: ['mcp_server.updated'],
  },
  configureMcpServer: {
    payload:
      'config { enabled secretNames oauth { issuer clientId scope algorithm } limits { timeoutMs concurrency } allowedUsers { email } server { name } }',
    refused: 'MEMBER',
    success: ({ mcpServerId, owner }) => ({
      serverId: server(mcpServerId),
      enabled: false,
      secrets: { 'X-Key': 'something' },
      oauth: { issuer: 'http://127.0.0.1:4000', clientId: 'agentbase', clientSecret: 'something' },
      limits: { timeoutMs: 5_000 },
      allowedUserIds: [owner.userId],
    }),
    badInput: ({ mcpServerId }) => ({ serverId: server(mcpServerId), secrets: { Host: 'elsewhere.example.test' } }),
    otherTenant: (other) => ({ serverId: server(other.mcpServerId), enabled: false }),
    audit: ['mcp_server_config.updated'],
  },
  refreshMcpTools: {
    payload:
      'config { refreshedAt refreshError tools { nodes { name status approvedBy { email } } } resources { nodes { uri } } }',
    refused: 'MEMBER',
    prepare,
    success: (_tenant, { id }) => ({ serverId: id }),
    badInput: ({ agentId }) => ({ serverId: encodeGlobalId('Agent', agentId) }),
    otherTenant: (other) => ({ serverId: server(other.mcpServerId) }),
    audit: ['mcp_tool.created'],
  },
  approveMcpTool: {
    payload: 'tool { status approvedAt approvedBy { email } }',
    refused: 'MEMBER',
    prepare: async (tenant, call) => {
      const answer = await call('updateMcpTool', { id: tool(tenant.mcpToolId) });
      return { hash: at(answer, 'result.tool.definitionHash') };
    },
    success: ({ mcpToolId }, { hash }) => ({ id: tool(mcpToolId), definitionHash: hash }),
    badInput: ({ mcpToolId }) => ({ id: tool(mcpToolId), definitionHash: 'f'.repeat(64) }),
    otherTenant: (other) => ({ id: tool(other.mcpToolId), definitionHash: 'f'.repeat(64) }),
    audit: ['mcp_tool.updated'],
  },
  updateMcpTool: {
    payload: 'tool { enabled requiresApproval definitionHash }',
    refused: 'MEMBER',
    success: ({ mcpToolId }) => ({ id: tool(mcpToolId), enabled: false, requiresApproval: true }),
    badInput: ({ mcpServerId }) => ({ id: server(mcpServerId), enabled: false }),
    otherTenant: (other) => ({ id: tool(other.mcpToolId), enabled: false }),
    audit: ['mcp_tool.updated'],
  },
  executeMcpTool: {
    payload: 'output execution { toolName status parameters result durationMs user { email } }',
    refused: 'VIEWER',
    prepare: async (tenant, call) => {
      const prepared = (await prepare(tenant, call)) ?? {};
      await call('refreshMcpTools', { serverId: prepared.id });
      return prepared;
    },
    success: (_tenant, { id }) => ({ serverId: id, name: 'echo', arguments: { message: 'hello' } }),
    badInput: ({ mcpToolId }, { id }) => ({ toolId: tool(mcpToolId), serverId: id, name: 'echo' }),
    otherTenant: (other) => ({ toolId: tool(other.mcpToolId) }),
    // Calls have a log of their own.
    audit: [],
  },
};
