import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { parseId } from '../../platform/graphql/kit/global-id.ts';
import { dependsOn } from '../../platform/graphql/kit/selection.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { User } from '../tenancy/exports.ts';
import { toolStatusOf } from './discovery/definition.ts';
import { McpServerConfig } from './mcp-server-config.ts';

const McpToolStatus = builder.enumType('McpToolStatus', {
  description: 'What became of a tool since somebody looked at it. Only APPROVED ones are called.',
  values: {
    APPROVED: { description: 'It is what was approved.' },
    CHANGED: { description: 'Its definition is another one than was approved.' },
    NEW: { description: 'Nobody has approved it yet.' },
    WITHDRAWN: { description: 'The server does not offer it any more.' },
  } as const,
});

/** As `toolStatusOf`, for lists. */
const statusSql = sql`CASE WHEN NOT mcp_tools.offered THEN 'WITHDRAWN' WHEN mcp_tools.approved_hash IS NULL THEN 'NEW'
  WHEN mcp_tools.approved_hash = mcp_tools.definition_hash THEN 'APPROVED' ELSE 'CHANGED' END`;

export type McpTool = RowOf<'McpTool'>;
export const McpTool = entity('McpTool', {
  table: 'mcp_tools',
  access: 'mcp:read',
  write: 'mcp:configure',
  noun: 'MCP tool',
  columns: [
    'name',
    'title',
    'description',
    'inputSchema',
    'outputSchema',
    'annotations',
    'definitionHash',
    'enabled',
    'requiresApproval',
    'offered',
    'approvedAt',
  ],
  types: { outputSchema: 'JSON' },
  references: {
    approvedBy: { to: User, description: 'Who approved it last. Null once they have left the tenant.' },
    config: { to: McpServerConfig, description: 'The configuration under which it was read.' },
  },
  fields: (t) => ({
    status: t.field({
      type: McpToolStatus,
      description: 'What became of it since somebody looked at it.',
      extensions: dependsOn('offered', 'approvedHash', 'definitionHash'),
      resolve: toolStatusOf,
    }),
    changed: t.boolean({
      description: 'Whether its definition is another one than was approved.',
      extensions: dependsOn('approvedHash', 'definitionHash'),
      resolve: ({ approvedHash, definitionHash }) => approvedHash !== null && approvedHash !== definitionHash,
    }),
  }),
  list: {
    orders: ['name', '-name'],
    filter: (f) => ({
      serverId: f.where(
        'ID',
        'Of this server.',
        (id: string, path) => sql`mcp_tools.config_id IN (SELECT c.id FROM mcp_server_configs c
          WHERE c.server_id = ${parseId('McpServer', String(id), path)}::uuid)`,
      ),
      status: f.where(
        [McpToolStatus],
        'In one of these states.',
        (states: readonly string[]) => sql`${statusSql} = ANY (${states}::text[])`,
      ),
      enabled: f.is('enabled', 'Whether it is enabled.'),
      search: f.containsText(['name'], 'Whose name contains this, without regard to case.'),
    }),
  },
  root: { one: 'mcpTool', many: { field: 'mcpTools', description: "The tools of the tenant's MCP servers." } },
});

McpTool.listOn(McpServerConfig, 'tools', {
  column: 'configId',
  description: 'What the server offered when it was last read.',
});
