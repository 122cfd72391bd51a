import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import type { JsonSchema } from '../json-schema/json-schema.ts';
import { McpServer } from '../mcp-server.ts';
import { checkSchema, type McpServerFields, type NewMcpServer, registerMcpServer, updateMcpServer } from './servers.ts';

mutation('registerMcpServer', {
  description:
    'Registers an MCP server. Tenants register remote servers. Platform administrators also register servers of the platform, with any transport.',
  access: 'mcp:configure',
  input: (t) => ({
    platform: t.boolean({
      description: 'Whether to register a server of the platform. Requires a platform administrator. Default false.',
    }),
    ...McpServer.mutations.inputFields(t, 'create'),
  }),
  payload: payload('registerMcpServer', 'The server after the change.', {
    server: { type: McpServer, description: 'The server.' },
  }),
  prepare: (given) => checkSchema(McpServer.mutations.changes(given).configSchema as JsonSchema | undefined),
  resolve: async ({ platform, ...given }, context) => {
    const fields = McpServer.mutations.changes(given) as NewMcpServer;
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
    'deleted and its tools cannot be called until `refreshMcpTools`.',
  access: 'mcp:configure',
  input: (t) => ({
    id: nodeId(t, 'McpServer', { required: true, description: 'The MCP server.' }),
    ...McpServer.mutations.inputFields(t, 'update'),
  }),
  payload: payload('updateMcpServer', 'The server after the change.', {
    server: { type: McpServer, description: 'The server.' },
  }),
  prepare: (given) => checkSchema(McpServer.mutations.changes(given).configSchema as JsonSchema | undefined),
  resolve: async ({ id, ...given }, context) => ({
    server: await updateMcpServer(context, id, McpServer.mutations.changes(given) as McpServerFields),
  }),
});
