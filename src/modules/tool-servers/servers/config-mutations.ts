import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId, nodeIds } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule } from '../../../platform/graphql/kit/rules.ts';
import { McpOAuthAlgorithm, McpServerConfig } from '../mcp-server-config.ts';
import type { SecretChanges } from '../secrets/secret-rules.ts';
import { configureMcpServer } from './configure.ts';
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
  description: 'What calls of an MCP server may take. What is not given stays as it is.',
  fields: (t) => ({
    timeoutMs: t.int({
      description: `Longest time of a call, in milliseconds. ${limitBounds.timeoutMs.default} when nothing is said.`,
      validate: limitRule('timeoutMs'),
    }),
    memoryMb: t.int({
      description: `Most memory of the program of a STDIO server, in MiB. ${limitBounds.memoryMb.default} when nothing is said.`,
      validate: limitRule('memoryMb'),
    }),
    concurrency: t.int({
      description: `Calls at a time, of each server process of Agentbase. ${limitBounds.concurrency.default} when nothing is said.`,
      validate: limitRule('concurrency'),
    }),
  }),
});

const McpServerOAuthInput = builder.inputType('McpServerOAuthInput', {
  description:
    'OAuth client credentials, all of them. The secret or private key may be left out where the issuer and the client stay: then the one ' +
    'that is sealed stays too.',
  fields: (t) => ({
    issuer: t.string({
      required: true,
      description: 'The authorization server that knows the client, as its metadata names it. The secret goes nowhere else.',
      validate: issuerRule,
    }),
    clientId: t.string({ required: true, description: 'The client.', validate: clientIdRule }),
    scope: t.string({
      description: 'What to ask for, names with spaces between. What the server asks for when nothing is said.',
      validate: scopeRule,
    }),
    clientSecret: t.string({ description: "The client's secret. Never answered.", validate: clientSecretRule }),
    privateKey: t.string({
      description: "The client's private key instead of a secret, PKCS #8 in PEM, for `private_key_jwt`. Never answered.",
      validate: privateKeyRule,
    }),
    algorithm: t.field({ type: McpOAuthAlgorithm, description: 'What the private key signs with.' }),
  }),
});

function withoutNulls<T extends object>(input: T) {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null)) as {
    [Key in keyof T]: Exclude<T[Key], null>;
  };
}

mutation('configureMcpServer', {
  description:
    'Makes the configuration under which the tenant uses an MCP server, or changes it. What is not given stays as it is. Secrets are sealed and ' +
    'never told again.',
  access: 'mcp:configure',
  input: (t) => ({
    serverId: nodeId(t, 'McpServer', { required: true, description: 'The server.' }),
    enabled: t.boolean({ description: 'Whether it may be called. Yes when nothing is said.' }),
    config: t.field({
      type: 'JSONObject',
      description: "Values that are no secrets, all of them, as the server's `configSchema` wants them.",
      validate: jsonObjectRule,
    }),
    secrets: t.field({
      type: 'JSONObject',
      description: 'Headers of a remote server by name. Null takes one away, those that are not named stay. Never answered.',
      validate: secretsRule,
    }),
    env: t.field({
      type: 'JSONObject',
      description:
        'Environment variables of a STDIO server by name. Null takes one away, those that are not named stay. Never answered.',
      validate: secretsRule,
    }),
    oauth: t.field({
      type: McpServerOAuthInput,
      description: 'How access tokens for a remote server are got. Null takes it away.',
    }),
    limits: t.field({ type: McpServerLimitsInput, description: 'What its calls may take.' }),
    allowedUserIds: nodeIds(t, 'User', {
      description: 'Members who may call its tools, all of them. Empty for everybody who may call tools at all.',
      validate: allowedUsersRule,
    }),
  }),
  payload: payload('configureMcpServer', 'The configuration after the change.', {
    config: { type: McpServerConfig, description: 'The configuration.' },
  }),
  resolve: async ({ serverId, enabled, config, secrets, env, oauth, limits, allowedUserIds }, context) => ({
    config: await configureMcpServer(context, context.viewer, serverId, {
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
