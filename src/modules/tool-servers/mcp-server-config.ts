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
  description: 'What calls of an MCP server may take.',
  fields: (t) => ({
    timeoutMs: t.exposeInt('timeoutMs', { description: 'Longest time of a call, in milliseconds.' }),
    memoryMb: t.exposeInt('memoryMb', { description: 'Most memory of the program of a STDIO server, in MiB.' }),
    concurrency: t.exposeInt('concurrency', { description: 'Calls at a time, of each server process of Agentbase.' }),
  }),
});

export const McpOAuthAlgorithm = builder.enumType('McpOAuthAlgorithm', {
  description: 'What the private key of an OAuth client signs with.',
  values: oauthAlgorithms,
});

const McpServerOAuth = builder.objectRef<McpOAuth>('McpServerOAuth').implement({
  description: 'How access tokens for a remote server are got: OAuth client credentials, without their secret.',
  fields: (t) => ({
    issuer: t.exposeString('issuer', {
      description: 'The authorization server that knows the client. The secret goes nowhere else.',
    }),
    clientId: t.exposeString('clientId', { description: 'The client.' }),
    scope: t.exposeString('scope', {
      nullable: true,
      description: 'What is asked for, names with spaces between. Null for what the server asks for.',
    }),
    algorithm: t.expose('algorithm', {
      type: McpOAuthAlgorithm,
      nullable: true,
      description: 'What the private key signs with. Null for a client that has a secret.',
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
    server: { to: McpServer, description: 'The server. Null for one the platform no longer shows.' },
    createdBy: { to: User, description: 'Who configured it first. Null once they have left the tenant.' },
  },
  fields: (t) => ({
    oauth: t.field({
      type: McpServerOAuth,
      nullable: true,
      description: 'How access tokens for it are got. Null for a server that wants none.',
      resolve: oauthOf,
    }),
    limits: t.field({
      type: McpServerLimits,
      description: 'What its calls may take, with what is so when nothing is said.',
      resolve: ({ limits }) => limitsOf(limits),
    }),
    allowedUsers: t.field({
      type: [User],
      description: 'Who may call its tools. Empty for everybody who may call tools at all.',
      resolve: async ({ allowedUserIds }, _args, context) => {
        const users = await Promise.all(allowedUserIds.map((id) => User.load(context, id)));
        return users.filter((user) => user !== null);
      },
    }),
    isOpenToAll: t.boolean({
      description: 'Whether everybody may call its tools who may call tools at all. Otherwise only the allowed users.',
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
    description: "The tenant's configuration of it. Null before `configureMcpServer`.",
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
