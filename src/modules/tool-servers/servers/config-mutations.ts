import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId, nodeIds } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule } from '../../../platform/graphql/kit/rules.ts';
import { McpOAuthAlgorithm, McpServerConfig } from '../mcp-server-config.ts';
import type { SecretChanges } from '../secrets/secret-rules.ts';
import { checkConfig, configureMcpServer } from './configure.ts';
import {
  allowedUsersRule,
  clientIdRule,
  clientSecretRule,
  issuerRule,
  limitRule,
  privateKeyRule,
  scopeRule,
  secretsRule,
} from './input-rules.ts';
import { limitBounds } from './limits.ts';

const McpServerLimitsInput = builder.inputType('McpServerLimitsInput', {
  description: 'Limits of calls to an MCP server. Omitted fields are not changed.',
  fields: (t) => ({
    timeoutMs: t.int({
      description: `Timeout of a call in milliseconds, ${limitBounds.timeoutMs.least} to ${limitBounds.timeoutMs.most}. Default ${limitBounds.timeoutMs.default}.`,
      validate: limitRule('timeoutMs'),
    }),
    memoryMb: t.int({
      description: `Maximum memory of the program of a STDIO server in MiB, ${limitBounds.memoryMb.least} to ${limitBounds.memoryMb.most}. Default ${limitBounds.memoryMb.default}.`,
      validate: limitRule('memoryMb'),
    }),
    concurrency: t.int({
      description: `Maximum number of concurrent calls per Agentbase process, ${limitBounds.concurrency.least} to ${limitBounds.concurrency.most}. Default ${limitBounds.concurrency.default}.`,
      validate: limitRule('concurrency'),
    }),
  }),
});

const McpServerOAuthInput = builder.inputType('McpServerOAuthInput', {
  description:
    'OAuth client credentials, which replace the stored ones. If the issuer and the client id do not change, the client secret or private ' +
    'key can be omitted: the stored one remains.',
  fields: (t) => ({
    issuer: t.string({
      required: true,
      description: 'Issuer identifier of the authorization server, as in its metadata. The secret is sent only to this server.',
      validate: issuerRule,
    }),
    clientId: t.string({ required: true, description: 'OAuth client id.', validate: clientIdRule }),
    scope: t.string({
      description: 'Scopes to request, separated by spaces. Default: the scopes that the MCP server names.',
      validate: scopeRule,
    }),
    clientSecret: t.string({ description: 'OAuth client secret. Never returned.', validate: clientSecretRule }),
    privateKey: t.string({
      description:
        'Private key in place of a client secret, for `private_key_jwt`: PKCS #8 in PEM. Requires `algorithm`. Never returned.',
      validate: privateKeyRule,
    }),
    algorithm: t.field({ type: McpOAuthAlgorithm, description: 'Signature algorithm of the private key.' }),
  }),
});

function withoutNulls<T extends object>(input: T) {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null)) as {
    [Key in keyof T]: Exclude<T[Key], null>;
  };
}

mutation('configureMcpServer', {
  description:
    'Creates or changes the configuration of an MCP server in the tenant. Omitted fields are not changed. Secrets are stored encrypted and ' +
    'never returned.',
  access: 'mcp:configure',
  input: (t) => ({
    serverId: nodeId(t, 'McpServer', { required: true, description: 'The MCP server.' }),
    enabled: t.boolean({ description: 'Whether the tools and resources of the server can be used. Default true.' }),
    config: t.field({
      type: 'JSONObject',
      description: 'Values that are not secret. They replace the stored ones and must satisfy the `configSchema` of the server.',
      validate: jsonObjectRule,
    }),
    secrets: t.field({
      type: 'JSONObject',
      description: 'Headers for a remote server by name. Null removes a header, omitted headers are not changed. Never returned.',
      validate: secretsRule,
    }),
    env: t.field({
      type: 'JSONObject',
      description:
        'Environment variables for a STDIO server by name. Null removes a variable, omitted variables are not changed. Never returned.',
      validate: secretsRule,
    }),
    oauth: t.field({
      type: McpServerOAuthInput,
      description: 'OAuth client credentials for a remote server. Null removes them.',
    }),
    limits: t.field({ type: McpServerLimitsInput, description: 'Limits of calls.' }),
    allowedUserIds: nodeIds(t, 'User', {
      description:
        'Users who may call the tools of the server, which replace the stored ones. Empty to allow all users with the permission mcp:execute. At most 1000.',
      validate: allowedUsersRule,
    }),
  }),
  payload: payload('configureMcpServer', 'The configuration after the change.', {
    config: { type: McpServerConfig, description: 'The configuration.' },
  }),
  prepare: ({ serverId, config }, context) => checkConfig(context, serverId, config ?? undefined),
  resolve: async ({ enabled, config, secrets, env, oauth, limits, allowedUserIds }, context, checked) => ({
    config: await configureMcpServer(context, context.viewer, checked, {
      enabled: enabled ?? undefined,
      config: config ?? undefined,
      secrets: (secrets ?? undefined) as SecretChanges | undefined,
      env: (env ?? undefined) as SecretChanges | undefined,
      oauth: oauth && withoutNulls(oauth),
      limits: limits ? (withoutNulls(limits) as Partial<Record<keyof typeof limitBounds, number>>) : undefined,
      allowedUserIds: allowedUserIds ? [...allowedUserIds] : undefined,
    }),
  }),
});
