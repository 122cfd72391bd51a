import { requireRights } from '../../../platform/auth/rights.ts';
import type { ActorContext } from '../../../platform/graphql/context.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { ConflictError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { McpServerConfig } from '../mcp-server-config.ts';
import { McpTool } from '../mcp-tool.ts';
import { hashRule } from '../servers/input-rules.ts';
import { discoverServer, saveDiscovery } from './discover-server.ts';

mutation('refreshMcpTools', {
  description:
    'Lists the tools and resources of a configured MCP server and stores them. The first refresh approves all tools in the name of the ' +
    'viewer. Later ones leave new and changed tools for `approveMcpTool`.',
  access: 'mcp:configure',
  input: (t) => ({ serverId: nodeId(t, 'McpServer', { required: true, description: 'The MCP server.' }) }),
  payload: payload('refreshMcpTools', 'The configuration after the change.', {
    config: { type: McpServerConfig, description: 'The configuration.' },
  }),
  prepare: ({ serverId }, context) => discoverServer(context, serverId),
  resolve: async (_input, context, discovery) => ({ config: await saveDiscovery(context, context.viewer, discovery) }),
});

mutation('approveMcpTool', {
  description:
    'Approves the current definition of a tool. If the definition changes, the tool cannot be called until it is approved again.',
  access: 'mcp:configure',
  input: (t) => ({
    id: nodeId(t, 'McpTool', { required: true, description: 'The tool.' }),
    definitionHash: t.string({
      required: true,
      description:
        'The `definitionHash` that you reviewed. If the definition has changed since, the mutation returns a ConflictError.',
      validate: hashRule,
    }),
  }),
  payload: payload('approveMcpTool', 'The tool after the change.', {
    tool: { type: McpTool, description: 'The tool.' },
  }),
  resolve: async ({ id, definitionHash }, context) => ({ tool: await approveMcpTool(context, id, definitionHash) }),
});

/** @param definitionHash hash of the definition that the viewer reviewed, which a discovery may have replaced since */
async function approveMcpTool({ prisma, viewer }: ActorContext, id: string, definitionHash: string): Promise<McpTool> {
  const tool = await McpTool.require(prisma, id, ['input', 'id']);
  if (!tool.offered) throw new InvalidStateError('The MCP server no longer offers the tool.', { path: ['input', 'id'] });
  const approvedHash = definitionHash.toLowerCase();
  const [approved] = await prisma.mcpTool.updateManyAndReturn({
    where: { id, definitionHash: approvedHash },
    data: { approvedHash, approvedAt: new Date(), approvedById: viewer.userId ?? null },
  });
  if (approved) return approved;
  throw new ConflictError('The definition of the tool has changed. Review it and send its current `definitionHash`.', {
    path: ['input', 'definitionHash'],
  });
}

mutation('updateMcpTool', {
  description: 'Changes the settings of a tool in the tenant. Omitted fields are not changed.',
  access: 'mcp:configure',
  input: (t) => ({
    id: nodeId(t, 'McpTool', { required: true, description: 'The tool.' }),
    enabled: t.boolean({ description: 'Whether the tool can be called.' }),
    requiresApproval: t.boolean({
      description: 'Whether a user must approve each call by an agent. API keys cannot call such a tool.',
    }),
  }),
  payload: payload('updateMcpTool', 'The tool after the change.', {
    tool: { type: McpTool, description: 'The tool.' },
  }),
  resolve: async ({ id, enabled, requiresApproval }, { prisma, viewer }) => {
    const before = await McpTool.require(prisma, id, ['input', 'id']);
    // Without it, agents make every later call unasked.
    if (before.requiresApproval && requiresApproval === false) {
      requireRights(viewer, { permissions: ['mcp:execute', 'agent:approve'] }, 'let agents call this tool without approval');
    }
    const data = { enabled: enabled ?? undefined, requiresApproval: requiresApproval ?? undefined };
    return { tool: await prisma.mcpTool.update({ where: tenantKey(id), data }) };
  },
});
