import { McpServerCategory, McpServerStatus, McpTransport } from '../../generated/prisma/enums.ts';
import type { GraphQLContext } from '../../platform/graphql/context.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { dependsOn } from '../../platform/graphql/kit/selection.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { isPlatformAdmin, User } from '../tenancy/exports.ts';

enumOf(
  'McpTransport',
  McpTransport,
  'Transport of an MCP server. STDIO starts a program on the platform, SSE and STREAMABLE_HTTP connect to a URL.',
);
enumOf('McpServerCategory', McpServerCategory, 'Category of an MCP server.');
enumOf(
  'McpServerStatus',
  McpServerStatus,
  'State of an MCP server. Tools of ACTIVE and DEPRECATED servers can be called, those of DISABLED servers cannot.',
);

const McpServerOwner = builder.enumType('McpServerOwner', {
  description: 'Owner of an MCP server.',
  values: {
    TENANT: { description: 'A server of the tenant.' },
    PLATFORM: { description: 'A server of the platform, which several tenants can use.' },
  } as const,
});

const isConfigured = sql`EXISTS (SELECT FROM mcp_server_configs c WHERE c.server_id = mcp_servers.id)`;

export type McpServer = RowOf<'McpServer'>;
export const McpServer = entity('McpServer', {
  table: 'mcp_servers',
  access: 'mcp:read',
  write: 'mcp:configure',
  noun: 'MCP server',
  // Row security shows the tenant's own servers and those of the platform, so the id alone is the key.
  ofTenant: false,
  columns: [
    'name',
    'slug',
    'description',
    'version',
    'category',
    'transport',
    'status',
    'isPublic',
    'configSchema',
    'documentationUrl',
    'repositoryUrl',
    'metadata',
  ],
  references: {
    createdBy: { to: User, description: 'The user who registered the server. Null if they are not a member of the tenant.' },
  },
  fields: (t) => ({
    isPlatform: t.boolean({
      description: 'Whether the platform owns the server. Otherwise the tenant does.',
      extensions: dependsOn('tenantId'),
      resolve: ({ tenantId }) => tenantId === null,
    }),
    url: t.string({
      nullable: true,
      description:
        'URL of a remote server, null for a STDIO server. The query string is included only for viewers with the permission mcp:configure, and only for servers of the tenant.',
      resolve: (server, _args, context) => visibleUrl(server, context),
    }),
    command: t.string({
      nullable: true,
      description: 'Program of a STDIO server. Null for viewers who are not platform administrators.',
      resolve: async ({ command }, _args, context) => ((await viewerIsPlatformAdmin(context)) ? command : null),
    }),
    args: t.stringList({
      nullable: true,
      description:
        'Arguments of the program, with `{{name}}` in place of values of the configuration. Null for viewers who are not platform administrators.',
      resolve: async ({ args }, _args, context) => ((await viewerIsPlatformAdmin(context)) ? args : null),
    }),
  }),
  list: {
    orders: ['name', '-name', '-createdAt', 'createdAt'],
    filter: (f) => ({
      owner: f.where(McpServerOwner, 'Only servers of this owner.', (owner: 'TENANT' | 'PLATFORM') =>
        owner === 'TENANT' ? sql`mcp_servers.tenant_id IS NOT NULL` : sql`mcp_servers.tenant_id IS NULL`,
      ),
      category: f.anyOf('category', 'Only servers in one of these categories.'),
      transport: f.anyOf('transport', 'Only servers with one of these transports.'),
      status: f.anyOf('status', 'Only servers in one of these states.'),
      configured: f.where(
        'Boolean',
        'Only servers that the tenant has configured, or with false only the others.',
        (configured: boolean) => (configured ? isConfigured : sql`NOT ${isConfigured}`),
      ),
      search: f.containsText(['name', 'slug'], 'Only servers whose name or slug contains this text. Case-insensitive.'),
    }),
  },
  root: {
    one: 'mcpServer',
    many: {
      field: 'mcpServers',
      description:
        'The MCP servers that the tenant can configure: its own, and the servers of the platform that are visible to it.',
    },
  },
});

/** One query per operation. */
function viewerIsPlatformAdmin({ loaders, database }: GraphQLContext): Promise<boolean> {
  const loader = loaders.get('isPlatformAdmin', async (keys) => {
    const isAdmin = await isPlatformAdmin(database);
    return keys.map(() => isAdmin);
  });
  return loader.load('');
}

/** The query string may contain a key. */
function visibleUrl({ url, tenantId }: McpServer, { viewer }: GraphQLContext): string | null {
  const address = URL.parse(url ?? '');
  if (!address || (tenantId !== null && viewer?.permissions.has('mcp:configure'))) return url;
  return `${address.origin}${address.pathname}`;
}
