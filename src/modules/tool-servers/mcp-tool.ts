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
  description: 'Approval state of a tool. Only APPROVED tools can be called.',
  values: {
    APPROVED: { description: 'The current definition is approved.' },
    CHANGED: { description: 'The definition differs from the approved one.' },
    NEW: { description: 'The tool has never been approved.' },
    WITHDRAWN: { description: 'The last refresh did not find the tool at the server.' },
  } as const,
});

/** The same rule as `toolStatusOf`. */
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
    approvedBy: User,
    config: McpServerConfig,
  },
  fields: (t) => ({
    status: t.field({
      type: McpToolStatus,
      description: 'Approval state of the tool.',
      extensions: dependsOn('offered', 'approvedHash', 'definitionHash'),
      resolve: toolStatusOf,
    }),
    changed: t.boolean({
      description: 'Whether the definition has changed since the last approval. False for a tool that has never been approved.',
      extensions: dependsOn('approvedHash', 'definitionHash'),
      resolve: ({ approvedHash, definitionHash }) => approvedHash !== null && approvedHash !== definitionHash,
    }),
  }),
  list: {
    orders: ['name', '-name'],
    filter: (f) => ({
      serverId: f.where(
        'ID',
        'Only tools of this server.',
        (id: string, path) => sql`mcp_tools.config_id IN (SELECT c.id FROM mcp_server_configs c
          WHERE c.server_id = ${parseId('McpServer', String(id), path)}::uuid)`,
      ),
      status: f.where(
        [McpToolStatus],
        'Only tools in one of these states.',
        (states: readonly string[]) => sql`${statusSql} = ANY (${states}::text[])`,
      ),
      enabled: f.is('enabled', 'Only enabled tools, or with false only disabled ones.'),
      search: f.containsText(['name']),
    }),
  },
  root: {
    one: 'mcpTool',
    many: { field: 'mcpTools', description: 'The tools of the MCP servers that the tenant has configured.' },
  },
});

McpTool.listOn(McpServerConfig, 'tools', {
  column: 'configId',
  description: 'Tools of the server as of the last refresh.',
});
