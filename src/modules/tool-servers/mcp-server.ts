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
  'How an MCP server is reached: STDIO starts a command of the platform, SSE and STREAMABLE_HTTP connect to an address.',
);
enumOf('McpServerCategory', McpServerCategory, 'What an MCP server is for.');
enumOf(
  'McpServerStatus',
  McpServerStatus,
  'ACTIVE servers can be configured and called, DEPRECATED ones still work, DISABLED ones do not.',
);

const McpServerOwner = builder.enumType('McpServerOwner', {
  description: 'Whose a server is.',
  values: {
    TENANT: { description: "The tenant's own." },
    PLATFORM: { description: "The platform's, for all tenants." },
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
    createdBy: { to: User, description: 'Who registered it, if they are a member of the tenant.' },
  },
  fields: (t) => ({
    isPlatform: t.boolean({
      description: "Whether it is the platform's, for all tenants, and not the tenant's own.",
      extensions: dependsOn('tenantId'),
      resolve: ({ tenantId }) => tenantId === null,
    }),
    url: t.string({
      nullable: true,
      description: 'The address of a remote server. Its query string is shown to those who may configure it.',
      resolve: (server, _args, context) => visibleUrl(server, context),
    }),
    command: t.string({
      nullable: true,
      description: 'The program of a STDIO server. Shown to people who run the platform.',
      resolve: async ({ command }, _args, context) => ((await viewerIsPlatformAdmin(context)) ? command : null),
    }),
    args: t.stringList({
      nullable: true,
      description:
        "The program's arguments, with `{{name}}` for values of the configuration. Shown to people who run the platform.",
      resolve: async ({ args }, _args, context) => ((await viewerIsPlatformAdmin(context)) ? args : null),
    }),
  }),
  list: {
    orders: ['name', '-name', '-createdAt', 'createdAt'],
    filter: (f) => ({
      owner: f.where(McpServerOwner, 'Of this owner.', (owner: 'TENANT' | 'PLATFORM') =>
        owner === 'TENANT' ? sql`mcp_servers.tenant_id IS NOT NULL` : sql`mcp_servers.tenant_id IS NULL`,
      ),
      category: f.anyOf('category', 'In one of these categories.'),
      transport: f.anyOf('transport', 'Reached in one of these ways.'),
      status: f.anyOf('status', 'In one of these states.'),
      configured: f.where('Boolean', 'Whether the tenant has a configuration of it.', (configured: boolean) =>
        configured ? isConfigured : sql`NOT ${isConfigured}`,
      ),
      search: f.containsText(['name', 'slug'], 'Whose name or slug contains this, without regard to case.'),
    }),
  },
  root: {
    one: 'mcpServer',
    many: {
      field: 'mcpServers',
      description: "The MCP servers the tenant can configure: its own, and the platform's that are shown to it.",
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
