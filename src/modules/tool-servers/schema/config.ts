import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import type { McpEndpointLimits } from '../../../platform/mcp-client/endpoint.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { findMcpServerConfigsOf } from '../read.ts';
import { limitsOf } from '../servers/limits.ts';
import { type McpOAuth, oauthAlgorithms, oauthOf } from '../servers/oauth.ts';
import { loadMcpServer, McpServer } from './server.ts';

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

export const McpServerConfig = builder.prismaNode('McpServerConfig', {
  nullable: true,
  authScopes: { permission: 'mcp:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    enabled: t.exposeBoolean('enabled'),
    config: t.expose('config', { type: 'JSONObject' }),
    secretNames: t.exposeStringList('secretNames'),
    envNames: t.exposeStringList('envNames'),
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
        const users = await Promise.all(allowedUserIds.map((id) => loadUser(context, id)));
        return users.filter((user) => user !== null);
      },
    }),
    isOpenToAll: t.boolean({
      description: 'Whether everybody may call its tools who may call tools at all. Otherwise only the allowed users.',
      resolve: ({ allowedUserIds }) => allowedUserIds.length === 0,
    }),
    refreshedAt: t.expose('refreshedAt', { type: 'DateTime', nullable: true }),
    refreshError: t.exposeString('refreshError', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    server: t.field({
      type: McpServer,
      nullable: true,
      description: 'The server. Null for one the platform no longer shows.',
      resolve: ({ serverId }, _args, context) => loadMcpServer(context, serverId),
    }),
    createdBy: t.field({
      type: User,
      nullable: true,
      description: 'Who configured it first. Null once they have left the tenant.',
      resolve: ({ createdById }, _args, context) => loadUser(context, createdById),
    }),
  }),
});

export const loadMcpServerConfig = nodeLoader<typeof McpServerConfig.$inferType>('McpServerConfig', 'mcp_server_configs');

builder.objectField(McpServer, 'config', (t) =>
  t.field({
    type: McpServerConfig,
    nullable: true,
    description: "The tenant's configuration of it. Null before `configureMcpServer`.",
    resolve: ({ id }, _args, { loaders, prisma }) =>
      loaders
        .get('McpServerConfig:server', async (serverIds) => {
          const configs = await findMcpServerConfigsOf(prisma, [...serverIds]);
          const byServer = new Map(configs.map((config) => [config.serverId, config]));
          return serverIds.map((serverId) => byServer.get(serverId) ?? null);
        })
        .load(id),
  }),
);
