import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule, nameRule, slugRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { requireViewer } from '../../../platform/graphql/viewer.ts';
import { type McpServerFields, registerMcpServer, updateMcpServer } from '../servers/servers.ts';
import { argsRule, commandRule, linkRule } from './rules.ts';
import { McpServer, McpServerCategoryEnum, McpServerStatusEnum, McpTransportEnum } from './server.ts';

type ServerRow = typeof McpServer.$inferType;
type Inputs = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0];

function payload(name: string) {
  return builder.objectRef<{ server: ServerRow }>(name).implement({
    description: 'The server after the change.',
    fields: (t) => ({ server: t.field({ type: McpServer, description: 'The server.', resolve: ({ server }) => server }) }),
  });
}

function fields(t: Inputs) {
  return {
    slug: t.string({
      description: "Name for URLs and agents' tools, unique in the tenant. Made of the name when nothing is said.",
      validate: slugRule,
    }),
    description: t.string({ description: 'What the server is for.', validate: textRule(10_000) }),
    version: t.string({ description: "The server's version, as its maker says it.", validate: textRule(50) }),
    category: t.field({
      type: McpServerCategoryEnum,
      description: 'What kind of server it is. INTEGRATION when nothing is said.',
    }),
    url: t.string({
      description: 'The address of a remote server. On the public internet, unless the installation opened a network.',
      validate: textRule(2_048),
    }),
    command: t.string({ description: "The program of a STDIO server. The platform's alone.", validate: commandRule }),
    args: t.stringList({
      description: "The program's arguments, one each, read by no shell. `{{name}}` stands for a value of the configuration.",
      validate: argsRule,
    }),
    configSchema: t.field({
      type: 'JSONObject',
      description:
        'What a configuration must look like, a JSON Schema of an object. Its `x-env` lists the environment variables of a STDIO server that ' +
        'tenants may set; they may set no others.',
      validate: jsonObjectRule,
    }),
    isPublic: t.boolean({ description: "Whether all tenants see it. The platform's alone." }),
    documentationUrl: t.string({ description: 'Where it is documented.', validate: linkRule }),
    repositoryUrl: t.string({ description: 'Where its source is.', validate: linkRule }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  };
}

const MAY_BE_EMPTY = new Set(['description', 'version', 'documentationUrl', 'repositoryUrl']);

/** GraphQL's null means "take it away" where a column may be empty, and nothing elsewhere. */
function given(input: Record<string, unknown>): McpServerFields {
  return Object.fromEntries(Object.entries(input).filter(([key, value]) => value !== null || MAY_BE_EMPTY.has(key)));
}

mutation('registerMcpServer', {
  description:
    'Adds an MCP server to the registry. A tenant registers remote servers. People who run the platform register any server for all tenants.',
  access: 'mcp:configure',
  input: (t) => ({
    name: t.string({ required: true, description: 'Display name.', validate: nameRule }),
    transport: t.field({ type: McpTransportEnum, required: true, description: 'How it is reached. Stays as it is.' }),
    platform: t.boolean({ description: 'Whether it is for the platform and not for the tenant. Only for people who run it.' }),
    ...fields(t as never),
  }),
  payload: payload('RegisterMcpServerPayload'),
  resolve: async ({ name, transport, platform, ...rest }, context) => ({
    server: await registerMcpServer(context, requireViewer(context), {
      ...given(rest),
      name: name.trim(),
      transport,
      platform: platform ?? false,
    }),
  }),
});

mutation('updateMcpServer', {
  description:
    'Changes an MCP server. What is not given stays as it is. A server of the tenant that moves to another origin begins anew: its secrets are ' +
    'dropped, and its tools wait for `refreshMcpTools`.',
  access: 'mcp:configure',
  input: (t) => ({
    id: t.id({ required: true, description: 'The server.' }),
    name: t.string({ description: 'Display name.', validate: nameRule }),
    status: t.field({ type: McpServerStatusEnum, description: 'Whether it can be used.' }),
    ...fields(t as never),
  }),
  payload: payload('UpdateMcpServerPayload'),
  resolve: async ({ id, ...changes }, context) => ({
    server: await updateMcpServer(context, parseId('McpServer', id, ['input', 'id']), given(changes)),
  }),
});
