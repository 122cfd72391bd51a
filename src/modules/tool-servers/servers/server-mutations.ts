import type { ColumnInputs } from '../../../platform/graphql/kit/entity/entity-mutations.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule, nameRule, slugRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { McpServer } from '../mcp-server.ts';
import { argsRule, commandRule, linkRule } from './input-rules.ts';
import { type McpServerFields, type NewMcpServer, registerMcpServer, updateMcpServer } from './servers.ts';

/** Input fields that registerMcpServer and updateMcpServer share. */
const settings: ColumnInputs<'McpServer'> = {
  slug: {
    description: "Name for URLs and agents' tools, unique in the tenant. Made of the name when nothing is said.",
    validate: slugRule,
  },
  description: { description: 'What the server is for.', validate: textRule(10_000) },
  version: { description: "The server's version, as its maker says it.", validate: textRule(50) },
  category: {
    description: 'What kind of server it is. INTEGRATION when nothing is said.',
  },
  url: {
    description: 'The address of a remote server. On the public internet, unless the installation opened a network.',
    validate: textRule(2_048),
  },
  command: { description: "The program of a STDIO server. The platform's alone.", validate: commandRule },
  args: {
    description: "The program's arguments, one each, read by no shell. `{{name}}` stands for a value of the configuration.",
    validate: argsRule,
  },
  configSchema: {
    description:
      'What a configuration must look like, a JSON Schema of an object. Its `x-env` lists the environment variables of a STDIO server that ' +
      'tenants may set; they may set no others.',
    validate: jsonObjectRule,
  },
  isPublic: { description: "Whether all tenants see it. The platform's alone." },
  documentationUrl: { description: 'Where it is documented.', validate: linkRule },
  repositoryUrl: { description: 'Where its source is.', validate: linkRule },
  metadata: { description: 'Your own data.', validate: jsonObjectRule },
};

const registration: ColumnInputs<'McpServer'> = {
  name: { required: true, description: 'Display name.', validate: nameRule },
  transport: { required: true, description: 'How it is reached. Stays as it is.' },
  ...settings,
};

const changes: ColumnInputs<'McpServer'> = {
  name: { description: 'Display name.', validate: nameRule },
  status: { description: 'Whether it can be used.' },
  ...settings,
};

mutation('registerMcpServer', {
  description:
    'Adds an MCP server to the registry. A tenant registers remote servers. People who run the platform register any server for all tenants.',
  access: 'mcp:configure',
  input: (t) => ({
    platform: t.boolean({ description: 'Whether it is for the platform and not for the tenant. Only for people who run it.' }),
    ...McpServer.mutations.inputFields(t, registration),
  }),
  payload: payload('registerMcpServer', 'The server after the change.', {
    server: { type: McpServer, description: 'The server.' },
  }),
  resolve: async ({ platform, ...given }, context) => {
    const fields = McpServer.mutations.changes(registration, given) as NewMcpServer;
    return {
      server: await registerMcpServer(context, context.viewer, {
        ...fields,
        name: fields.name.trim(),
        platform: platform ?? false,
      }),
    };
  },
});

mutation('updateMcpServer', {
  description:
    'Changes an MCP server. What is not given stays as it is. A server of the tenant that moves to another origin begins anew: its secrets are ' +
    'dropped, and its tools wait for `refreshMcpTools`.',
  access: 'mcp:configure',
  input: (t) => ({
    id: nodeId(t, 'McpServer', { required: true, description: 'The server.' }),
    ...McpServer.mutations.inputFields(t, changes),
  }),
  payload: payload('updateMcpServer', 'The server after the change.', {
    server: { type: McpServer, description: 'The server.' },
  }),
  resolve: async ({ id, ...given }, context) => ({
    server: await updateMcpServer(context, id, McpServer.mutations.changes(changes, given) as McpServerFields),
  }),
});
