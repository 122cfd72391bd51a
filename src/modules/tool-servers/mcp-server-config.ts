import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import type { McpEndpointLimits } from '../../platform/mcp-client/endpoint.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { User } from '../tenancy/exports.ts';
import { McpServer } from './mcp-server.ts';
import { limitsOf } from './servers/limits.ts';
import { type McpOAuth, oauthAlgorithms, oauthOf } from './servers/oauth.ts';

const McpServerLimits = builder.objectRef<McpEndpointLimits>('McpServerLimits').implement({
  description: 'Limits of calls to an MCP server.',
  fields: (t) => ({
    timeoutMs: t.exposeInt('timeoutMs', { description: 'Timeout of a call in milliseconds.' }),
    memoryMb: t.exposeInt('memoryMb', { description: 'Maximum memory of the program of a STDIO server in MiB.' }),
    concurrency: t.exposeInt('concurrency', { description: 'Maximum number of concurrent calls per Agentbase process.' }),
  }),
});

export const McpOAuthAlgorithm = builder.enumType('McpOAuthAlgorithm', {
  description: 'Signature algorithm of the private key of an OAuth client.',
  values: oauthAlgorithms,
});

const McpServerOAuth = builder.objectRef<McpOAuth>('McpServerOAuth').implement({
  description: 'OAuth client credentials that obtain access tokens for a remote server, without the secret.',
  fields: (t) => ({
    issuer: t.exposeString('issuer', {
      description: 'Issuer identifier of the authorization server. The secret is sent only to this server.',
    }),
    clientId: t.exposeString('clientId', { description: 'OAuth client id.' }),
    scope: t.exposeString('scope', {
      nullable: true,
      description: 'Requested scopes, separated by spaces. Null to request the scopes that the MCP server names.',
    }),
    algorithm: t.expose('algorithm', {
      type: McpOAuthAlgorithm,
      nullable: true,
      description: 'Signature algorithm of the private key. Null for a client with a client secret.',
    }),
  }),
});

export type McpServerConfig = RowOf<'McpServerConfig'>;
export const McpServerConfig = entity('McpServerConfig', {
  table: 'mcp_server_configs',
  access: 'mcp:read',
  write: 'mcp:configure',
  noun: 'configuration',
  columns: ['enabled', 'config', 'secretNames', 'envNames', 'refreshedAt', 'refreshError'],
  references: {
    server: McpServer,
    createdBy: User,
  },
  fields: (t) => ({
    oauth: t.field({
      type: McpServerOAuth,
      nullable: true,
      description: 'OAuth client credentials for the server. Null if it is used without them.',
      resolve: oauthOf,
    }),
    limits: t.field({
      type: McpServerLimits,
      description: 'Limits of calls, with the default where the configuration sets none.',
      resolve: ({ limits }) => limitsOf(limits),
    }),
    allowedUsers: t.field({
      type: [User],
      description: 'Users who may call the tools of the server. Empty if all users with the permission mcp:execute may.',
      resolve: async ({ allowedUserIds }, _args, context) => {
        const users = await Promise.all(allowedUserIds.map((id) => User.load(context, id)));
        return users.filter((user) => user !== null);
      },
    }),
    isOpenToAll: t.boolean({
      description:
        'Whether all users with the permission mcp:execute may call the tools of the server. Otherwise only `allowedUsers` may.',
      resolve: ({ allowedUserIds }) => allowedUserIds.length === 0,
    }),
  }),
});

/** The tenant's configuration of a server. Throws NotFoundError. */
export function requireConfigOf(prisma: Prisma, serverId: string, path: string[]): Promise<McpServerConfig> {
  return requireFound(prisma.mcpServerConfig.findFirst({ where: { serverId } }), 'A configuration of the MCP server', path);
}

builder.objectField(McpServer, 'config', (t) =>
  t.field({
    type: McpServerConfig,
    nullable: true,
    description: 'The configuration of the server in the tenant. Null before `configureMcpServer`.',
    resolve: ({ id }, _args, { loaders, prisma }) =>
      loaders
        .get('McpServerConfig:server', async (serverIds) => {
          const configs = await prisma.mcpServerConfig.findMany({ where: { serverId: { in: [...serverIds] } } });
          const byServer = new Map(configs.map((config) => [config.serverId, config]));
          return serverIds.map((serverId) => byServer.get(serverId) ?? null);
        })
        .load(id),
  }),
);
