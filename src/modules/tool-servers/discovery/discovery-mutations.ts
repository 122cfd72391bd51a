import type { ActorContext } from '../../../platform/graphql/context.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { ConflictError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { McpServerConfig } from '../mcp-server-config.ts';
import { McpTool } from '../mcp-tool.ts';
import { hashRule } from '../servers/input-rules.ts';
import { discoverServer, saveDiscovery } from './discover-server.ts';

mutation('refreshMcpTools', {
  description:
    'Asks a configured MCP server what it offers, and keeps it. The first time, all of its tools are approved in your name. Later, new and ' +
    'changed ones wait for `approveMcpTool`.',
  access: 'mcp:configure',
  input: (t) => ({ serverId: nodeId(t, 'McpServer', { required: true, description: 'The server.' }) }),
  payload: payload('refreshMcpTools', 'The configuration after the change.', {
    config: { type: McpServerConfig, description: 'The configuration.' },
  }),
  prepare: ({ serverId }, context) => discoverServer(context, serverId),
  resolve: async (_input, context, discovery) => ({ config: await saveDiscovery(context, context.viewer, discovery) }),
});

mutation('approveMcpTool', {
  description:
    'Lets a tool be called as it is now. Once its definition is another one, it is not called until it is approved again.',
  access: 'mcp:configure',
  input: (t) => ({
    id: nodeId(t, 'McpTool', { required: true, description: 'The tool.' }),
    definitionHash: t.string({
      required: true,
      description: 'The `definitionHash` of what you looked at: nothing is approved that came in between.',
      validate: hashRule,
    }),
  }),
  payload: payload('approveMcpTool', 'The tool after the change.', {
    tool: { type: McpTool, description: 'The tool.' },
  }),
  resolve: async ({ id, definitionHash }, context) => ({ tool: await approveMcpTool(context, id, definitionHash) }),
});

/** @param definitionHash of the definition that the viewer reviewed; the server may have replaced it since */
async function approveMcpTool({ prisma, viewer }: ActorContext, id: string, definitionHash: string): Promise<McpTool> {
  const tool = await McpTool.require(prisma, id, ['input', 'id']);
  if (!tool.offered) throw new InvalidStateError('The server does not offer the tool any more.', { path: ['input', 'id'] });
  const approvedHash = definitionHash.toLowerCase();
  const [approved] = await prisma.mcpTool.updateManyAndReturn({
    where: { id, definitionHash: approvedHash },
    data: { approvedHash, approvedAt: new Date(), approvedById: viewer.userId ?? null },
  });
  if (approved) return approved;
  throw new ConflictError('The tool is not what you looked at any more. Look at it again.', {
    path: ['input', 'definitionHash'],
  });
}

mutation('updateMcpTool', {
  description: 'Changes what the tenant decides about a tool. What is not given stays as it is.',
  access: 'mcp:configure',
  input: (t) => ({
    id: nodeId(t, 'McpTool', { required: true, description: 'The tool.' }),
    enabled: t.boolean({ description: 'Whether it may be called.' }),
    requiresApproval: t.boolean({
      description: 'Whether a person has to approve each call of an agent. Programs with an API key cannot call it then.',
    }),
  }),
  payload: payload('updateMcpTool', 'The tool after the change.', {
    tool: { type: McpTool, description: 'The tool.' },
  }),
  resolve: async ({ id, enabled, requiresApproval }, { prisma }) => {
    await McpTool.require(prisma, id, ['input', 'id']);
    const data = { enabled: enabled ?? undefined, requiresApproval: requiresApproval ?? undefined };
    return { tool: await prisma.mcpTool.update({ where: tenantKey(id), data }) };
  },
});
