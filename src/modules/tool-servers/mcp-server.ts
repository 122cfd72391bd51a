import type { GraphQLContext } from '../../platform/graphql/context.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { nameRule, slugRule, textRule } from '../../platform/graphql/kit/rules.ts';
import { dependsOn } from '../../platform/graphql/kit/selection.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { isPlatformAdmin, User } from '../tenancy/exports.ts';
import { argsRule, commandRule, linkRule } from './servers/input-rules.ts';

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
  references: { createdBy: User },
  inputs: {
    name: { required: true, validate: nameRule },
    transport: { only: 'create', required: true, description: 'Transport of the server. It cannot be changed later.' },
    status: { only: 'update' },
    slug: {
      validate: slugRule,
      description: 'Name in URLs and in tool references of agents, unique in the tenant. By default derived from the name.',
    },
    description: { validate: textRule(10_000) },
    version: {},
    category: {},
    url: {
      validate: textRule(2_048),
      description: 'URL of a remote server. It must be on the public internet unless the installation allows its network.',
    },
    command: { validate: commandRule, description: 'Program of a STDIO server. Only servers of the platform have one.' },
    args: {
      validate: argsRule,
      description: 'Arguments of the program, which no shell interprets. `{{name}}` is replaced by a value of the configuration.',
    },
    configSchema: {
      description:
        'JSON Schema that each configuration must satisfy. Its `x-env` lists the environment variables of a STDIO server that ' +
        'tenants may set.',
    },
    isPublic: { description: 'Whether all tenants can use the server. Only servers of the platform can be public.' },
    documentationUrl: { validate: linkRule },
    repositoryUrl: { validate: linkRule },
    metadata: {},
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
      category: f.anyOf('category'),
      transport: f.anyOf('transport'),
      status: f.anyOf('status'),
      configured: f.where(
        'Boolean',
        'Only servers that the tenant has configured, or with false only the others.',
        (configured: boolean) => (configured ? isConfigured : sql`NOT ${isConfigured}`),
      ),
      search: f.containsText(['name', 'slug']),
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
