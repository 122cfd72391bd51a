import type { McpServer as McpServerRow } from '../../../generated/prisma/client.ts';
import { McpServerCategory, McpServerStatus, McpTransport } from '../../../generated/prisma/enums.ts';
import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { containsText, sql } from '../../../platform/postgres/sql.ts';
import { isPlatformAdmin, loadUser, User } from '../../tenancy/exports.ts';

export const McpTransportEnum = builder.enumType(McpTransport, {
  name: 'McpTransport',
  description:
    'How an MCP server is reached: STDIO starts a command of the platform, SSE and STREAMABLE_HTTP connect to an address.',
});

export const McpServerCategoryEnum = builder.enumType(McpServerCategory, {
  name: 'McpServerCategory',
  description: 'What an MCP server is for.',
});

export const McpServerStatusEnum = builder.enumType(McpServerStatus, {
  name: 'McpServerStatus',
  description: 'ACTIVE servers can be configured and called, DEPRECATED ones still work, DISABLED ones do not.',
});

/** Asked once an operation. */
function runsPlatform({ loaders, database }: GraphQLContext): Promise<boolean> {
  const loader = loaders.get('isPlatformAdmin', async (keys) => {
    const yes = await isPlatformAdmin(database);
    return keys.map(() => yes);
  });
  return loader.load('');
}

/** A query string may hold a key. */
function shownUrl({ url, tenantId }: McpServerRow, { viewer }: GraphQLContext): string | null {
  const address = URL.parse(url ?? '');
  if (!address || (tenantId !== null && viewer?.permissions.has('mcp:configure'))) return url;
  return `${address.origin}${address.pathname}`;
}

export const McpServer = builder.prismaNode('McpServer', {
  nullable: true,
  authScopes: { permission: 'mcp:read' },
  id: { resolve: ({ id }) => id },
  // Keyed by its id alone: row security shows the tenant's own and the platform's.
  findUnique: (id) => ({ id }),
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    description: t.exposeString('description', { nullable: true }),
    version: t.exposeString('version', { nullable: true }),
    category: t.expose('category', { type: McpServerCategoryEnum }),
    transport: t.expose('transport', { type: McpTransportEnum }),
    status: t.expose('status', { type: McpServerStatusEnum }),
    isPlatform: t.boolean({
      description: "Whether it is the platform's, for all tenants, and not the tenant's own.",
      extensions: dependsOn('tenantId'),
      resolve: ({ tenantId }) => tenantId === null,
    }),
    isPublic: t.exposeBoolean('isPublic'),
    url: t.string({
      nullable: true,
      description: 'The address of a remote server. Its query string is shown to those who may configure it.',
      resolve: (server, _args, context) => shownUrl(server, context),
    }),
    command: t.string({
      nullable: true,
      description: 'The program of a STDIO server. Shown to people who run the platform.',
      resolve: async ({ command }, _args, context) => ((await runsPlatform(context)) ? command : null),
    }),
    args: t.stringList({
      nullable: true,
      description:
        "The program's arguments, with `{{name}}` for values of the configuration. Shown to people who run the platform.",
      resolve: async ({ args }, _args, context) => ((await runsPlatform(context)) ? args : null),
    }),
    configSchema: t.expose('configSchema', { type: 'JSONObject' }),
    documentationUrl: t.exposeString('documentationUrl', { nullable: true }),
    repositoryUrl: t.exposeString('repositoryUrl', { nullable: true }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    createdBy: t.field({
      type: User,
      nullable: true,
      description: 'Who registered it, if they are a member of the tenant.',
      extensions: dependsOn('createdById'),
      resolve: ({ createdById }, _args, context) => loadUser(context, createdById),
    }),
  }),
});

export const loadMcpServer = nodeLoader<typeof McpServer.$inferType>('McpServer', 'mcp_servers');

const McpServerOwner = builder.enumType('McpServerOwner', {
  description: 'Whose a server is.',
  values: {
    TENANT: { description: "The tenant's own." },
    PLATFORM: { description: "The platform's, for all tenants." },
  } as const,
});

const McpServerFilter = builder.inputType('McpServerFilter', {
  description: 'Which MCP servers. All conditions must hold.',
  fields: (t) => ({
    owner: t.field({ type: McpServerOwner, description: 'Of this owner.' }),
    category: t.field({ type: [McpServerCategoryEnum], description: 'In one of these categories.' }),
    transport: t.field({ type: [McpTransportEnum], description: 'Reached in one of these ways.' }),
    status: t.field({ type: [McpServerStatusEnum], description: 'In one of these states.' }),
    configured: t.boolean({ description: 'Whether the tenant has a configuration of it.' }),
    search: t.string({ description: 'Whose name or slug contains this, without regard to case.' }),
  }),
});

const isConfigured = sql`EXISTS (SELECT FROM mcp_server_configs c WHERE c.server_id = mcp_servers.id)`;

defineConnection({
  name: 'McpServer',
  table: 'mcp_servers',
  node: McpServer,
  orders: {
    NAME_ASC: { column: 'name', type: 'text', direction: 'ASC' },
    NAME_DESC: { column: 'name', type: 'text', direction: 'DESC' },
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
  },
  filter: {
    type: McpServerFilter,
    where: ({ owner, category, transport, status, configured, search }: typeof McpServerFilter.$inferInput) => [
      ...(owner ? [owner === 'TENANT' ? sql`mcp_servers.tenant_id IS NOT NULL` : sql`mcp_servers.tenant_id IS NULL`] : []),
      ...(category ? [sql`mcp_servers.category = ANY (${category}::mcp_server_category[])`] : []),
      ...(transport ? [sql`mcp_servers.transport = ANY (${transport}::mcp_transport[])`] : []),
      ...(status ? [sql`mcp_servers.status = ANY (${status}::mcp_server_status[])`] : []),
      ...(configured == null ? [] : [configured ? isConfigured : sql`NOT ${isConfigured}`]),
      ...(search ? [containsText([sql`mcp_servers.name`, sql`mcp_servers.slug`], search)] : []),
    ],
  },
}).onQuery('mcpServers', {
  description: "The MCP servers the tenant can configure: its own, and the platform's that are shown to it.",
  access: 'mcp:read',
});

nodeQuery('mcpServer', { type: McpServer, what: 'An MCP server', access: 'mcp:read', load: loadMcpServer });
