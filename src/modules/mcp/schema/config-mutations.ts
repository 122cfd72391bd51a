import { builder } from '../../../graphql/builder.ts';
import { uuidOf } from '../../../graphql/global-id.ts';
import { mutation } from '../../../graphql/mutation.ts';
import { jsonObjectRule } from '../../../graphql/rules.ts';
import { signedIn } from '../../../graphql/signed-in.ts';
import { configureMcpServer } from '../configure.ts';
import { limitBounds } from '../limits.ts';
import { readMcpServer, storeReading } from '../refresh.ts';
import type { SecretChanges } from '../secret-rules.ts';
import { McpServerConfig } from './config.ts';
import { allowedUsersRule, limitRule, secretsRule } from './rules.ts';

function payload(name: string) {
  return builder.objectRef<{ config: typeof McpServerConfig.$inferType }>(name).implement({
    description: 'The configuration after the change.',
    fields: (t) => ({
      config: t.field({ type: McpServerConfig, description: 'The configuration.', resolve: ({ config }) => config }),
    }),
  });
}

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
    serverId: t.id({ required: true, description: 'The server.' }),
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
    limits: t.field({ type: McpServerLimitsInput, description: 'What its calls may take.' }),
    allowedUserIds: t.idList({
      description: 'Members who may call its tools, all of them. Empty for everybody who may call tools at all.',
      validate: allowedUsersRule,
    }),
  }),
  payload: payload('ConfigureMcpServerPayload'),
  resolve: async ({ serverId, enabled, config, secrets, env, limits, allowedUserIds }, context) => ({
    config: await configureMcpServer(context, signedIn(context), uuidOf('McpServer', serverId, ['input', 'serverId']), {
      enabled: enabled ?? undefined,
      config: config ?? undefined,
      secrets: (secrets ?? undefined) as SecretChanges | undefined,
      env: (env ?? undefined) as SecretChanges | undefined,
      limits: limits ? (withoutNulls(limits) as Partial<Record<keyof typeof limitBounds, number>>) : undefined,
      allowedUserIds: allowedUserIds?.map((id, index) => uuidOf('User', String(id), ['input', 'allowedUserIds', String(index)])),
    }),
  }),
});

mutation('refreshMcpTools', {
  description:
    'Asks a configured MCP server what it offers, and keeps it. The first time, all of its tools are approved in your name. Later, new and ' +
    'changed ones wait for `approveMcpTool`.',
  access: 'mcp:configure',
  input: (t) => ({ serverId: t.id({ required: true, description: 'The server.' }) }),
  payload: payload('RefreshMcpToolsPayload'),
  prepare: ({ serverId }, context) => readMcpServer(context, uuidOf('McpServer', serverId, ['input', 'serverId'])),
  resolve: async (_input, context, reading) => ({ config: await storeReading(context, signedIn(context), reading) }),
});
