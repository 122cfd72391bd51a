import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { containsText, sql } from '../../../platform/postgres/sql.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { toolStatusOf } from '../discovery/tool-status.ts';
import { loadMcpServerConfig, McpServerConfig } from './config.ts';

const McpToolStatus = builder.enumType('McpToolStatus', {
  description: 'What became of a tool since somebody looked at it. Only APPROVED ones are called.',
  values: {
    APPROVED: { description: 'It is what was approved.' },
    CHANGED: { description: 'Its definition is another one than was approved.' },
    NEW: { description: 'Nobody has approved it yet.' },
    WITHDRAWN: { description: 'The server does not offer it any more.' },
  } as const,
});

export const McpTool = builder.prismaNode('McpTool', {
  nullable: true,
  authScopes: { permission: 'mcp:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    name: t.exposeString('name'),
    title: t.exposeString('title', { nullable: true }),
    description: t.exposeString('description', { nullable: true }),
    inputSchema: t.expose('inputSchema', { type: 'JSONObject' }),
    outputSchema: t.expose('outputSchema', { type: 'JSON', nullable: true }),
    annotations: t.expose('annotations', { type: 'JSONObject' }),
    definitionHash: t.exposeString('definitionHash'),
    status: t.field({
      type: McpToolStatus,
      description: 'What became of it since somebody looked at it.',
      resolve: (tool) => toolStatusOf(tool),
    }),
    changed: t.boolean({
      description: 'Whether its definition is another one than was approved.',
      extensions: dependsOn('approvedHash', 'definitionHash'),
      resolve: ({ approvedHash, definitionHash }) => approvedHash !== null && approvedHash !== definitionHash,
    }),
    enabled: t.exposeBoolean('enabled'),
    requiresApproval: t.exposeBoolean('requiresApproval'),
    offered: t.exposeBoolean('offered'),
    approvedAt: t.expose('approvedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    approvedBy: t.field({
      type: User,
      nullable: true,
      description: 'Who approved it last. Null once they have left the tenant.',
      extensions: dependsOn('approvedById'),
      resolve: ({ approvedById }, _args, context) => loadUser(context, approvedById),
    }),
    config: t.field({
      type: McpServerConfig,
      nullable: true,
      description: 'The configuration under which it was read.',
      extensions: dependsOn('configId'),
      resolve: ({ configId }, _args, context) => loadMcpServerConfig(context, configId),
    }),
  }),
});

export const loadMcpTool = nodeLoader<typeof McpTool.$inferType>('McpTool', 'mcp_tools');

/** As `toolStatusOf`, for lists. */
const statusSql = sql`CASE WHEN NOT mcp_tools.offered THEN 'WITHDRAWN' WHEN mcp_tools.approved_hash IS NULL THEN 'NEW'
  WHEN mcp_tools.approved_hash = mcp_tools.definition_hash THEN 'APPROVED' ELSE 'CHANGED' END`;

const McpToolFilter = builder.inputType('McpToolFilter', {
  description: 'Which MCP tools. All conditions must hold.',
  fields: (t) => ({
    serverId: t.id({ description: 'Of this server.' }),
    status: t.field({ type: [McpToolStatus], description: 'In one of these states.' }),
    enabled: t.boolean({ description: 'Whether it is enabled.' }),
    search: t.string({ description: 'Whose name contains this, without regard to case.' }),
  }),
});

const toolList = defineConnection({
  name: 'McpTool',
  table: 'mcp_tools',
  node: McpTool,
  orders: {
    NAME_ASC: { column: 'name', type: 'text', direction: 'ASC' },
    NAME_DESC: { column: 'name', type: 'text', direction: 'DESC' },
  },
  filter: {
    type: McpToolFilter,
    where: ({ serverId, status, enabled, search }: typeof McpToolFilter.$inferInput) => [
      ...(serverId
        ? [
            sql`mcp_tools.config_id IN (SELECT c.id FROM mcp_server_configs c
              WHERE c.server_id = ${parseId('McpServer', serverId, ['filter', 'serverId'])}::uuid)`,
          ]
        : []),
      ...(status ? [sql`${statusSql} = ANY (${status}::text[])`] : []),
      ...(enabled == null ? [] : [sql`mcp_tools.enabled = ${enabled}::boolean`]),
      ...(search ? [containsText([sql`mcp_tools.name`], search)] : []),
    ],
  },
});

toolList.onQuery('mcpTools', { description: "The tools of the tenant's MCP servers.", access: 'mcp:read' });
toolList.onParent(McpServerConfig, 'tools', {
  description: 'What the server offered when it was last read.',
  column: 'config_id',
  access: 'mcp:read',
});

nodeQuery('mcpTool', { type: McpTool, what: 'An MCP tool', access: 'mcp:read', load: loadMcpTool });
