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
    description: 'Name in URLs and in tool references of agents, unique in the tenant. By default derived from the name.',
    validate: slugRule,
  },
  description: { description: 'Purpose of the server.', validate: textRule(10_000) },
  version: { description: 'Version of the server, as its vendor states it.', validate: textRule(50) },
  category: {
    description: 'Category of the server. Default INTEGRATION.',
  },
  url: {
    description: 'URL of a remote server. It must be on the public internet unless the installation allows its network.',
    validate: textRule(2_048),
  },
  command: { description: 'Program of a STDIO server. Only servers of the platform have one.', validate: commandRule },
  args: {
    description: 'Arguments of the program, which no shell interprets. `{{name}}` is replaced by a value of the configuration.',
    validate: argsRule,
  },
  configSchema: {
    description:
      'JSON Schema that each configuration must satisfy. Its `x-env` lists the environment variables of a STDIO server that ' +
      'tenants may set.',
    validate: jsonObjectRule,
  },
  isPublic: { description: 'Whether all tenants can use the server. Only servers of the platform can be public.' },
  documentationUrl: { description: 'URL of the documentation.', validate: linkRule },
  repositoryUrl: { description: 'URL of the source code.', validate: linkRule },
  metadata: { description: 'Custom data.', validate: jsonObjectRule },
};

const registration: ColumnInputs<'McpServer'> = {
  name: { required: true, description: 'Display name.', validate: nameRule },
  transport: { required: true, description: 'Transport of the server. It cannot be changed later.' },
  ...settings,
};

const changes: ColumnInputs<'McpServer'> = {
  name: { description: 'Display name.', validate: nameRule },
  status: { description: 'State of the server.' },
  ...settings,
};

mutation('registerMcpServer', {
  description:
    'Registers an MCP server. Tenants register remote servers. Platform administrators also register servers of the platform, with any transport.',
  access: 'mcp:configure',
  input: (t) => ({
    platform: t.boolean({
      description: 'Whether to register a server of the platform. Requires a platform administrator. Default false.',
    }),
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
    'Changes an MCP server. Omitted fields are not changed. If the URL of a server of the tenant moves to another origin, its secrets are ' +
    'deleted and its tools withdrawn until `refreshMcpTools`.',
  access: 'mcp:configure',
  input: (t) => ({
    id: nodeId(t, 'McpServer', { required: true, description: 'The MCP server.' }),
    ...McpServer.mutations.inputFields(t, changes),
  }),
  payload: payload('updateMcpServer', 'The server after the change.', {
    server: { type: McpServer, description: 'The server.' },
  }),
  resolve: async ({ id, ...given }, context) => ({
    server: await updateMcpServer(context, id, McpServer.mutations.changes(changes, given) as McpServerFields),
  }),
});
