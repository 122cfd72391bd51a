import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { requireViewer } from '../../../platform/graphql/viewer.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { type McpContent, readMcpResource } from '../calls/read-resource.ts';
import { loadMcpServerConfig, McpServerConfig } from './config.ts';

export const McpResource = builder.prismaNode('McpResource', {
  nullable: true,
  authScopes: { permission: 'mcp:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    uri: t.exposeString('uri'),
    name: t.exposeString('name'),
    title: t.exposeString('title', { nullable: true }),
    description: t.exposeString('description', { nullable: true }),
    mimeType: t.exposeString('mimeType', { nullable: true }),
    offered: t.exposeBoolean('offered'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    config: t.field({
      type: McpServerConfig,
      nullable: true,
      description: 'The configuration under which it was read.',
      extensions: dependsOn('configId'),
      resolve: ({ configId }, _args, context) => loadMcpServerConfig(context, configId),
    }),
  }),
});

export const loadMcpResource = nodeLoader<typeof McpResource.$inferType>('McpResource', 'mcp_resources');

defineConnection({
  name: 'McpResource',
  table: 'mcp_resources',
  node: McpResource,
  orders: {
    // Ids are UUIDv7, given in the order in which the server lists them.
    AS_LISTED: { column: 'id', type: 'uuid', direction: 'ASC' },
    NEWEST_FIRST: { column: 'id', type: 'uuid', direction: 'DESC' },
  },
}).onParent(McpServerConfig, 'resources', {
  description: 'What the server offered to read when it was last asked.',
  column: 'config_id',
  access: 'mcp:read',
});

const McpResourceContent = builder.objectRef<McpContent>('McpResourceContent').implement({
  description: 'A part of a resource, either as text or in base64.',
  fields: (t) => ({
    uri: t.exposeString('uri', { description: 'Its address.' }),
    mimeType: t.exposeString('mimeType', { nullable: true, description: 'Its media type, as the server says it.' }),
    text: t.exposeString('text', { nullable: true, description: 'What it says.' }),
    blob: t.exposeString('blob', { nullable: true, description: 'Its bytes in base64.' }),
  }),
});

builder.queryField('readMcpResource', (t) =>
  t.field({
    type: [McpResourceContent],
    description: 'Reads a resource at its MCP server, now. At most 1 MiB. Takes the right to call tools.',
    authScopes: { permission: 'mcp:execute' },
    complexity: 200,
    args: { id: t.arg.id({ required: true, description: 'The resource.' }) },
    resolve: (_root, { id }, context) => readMcpResource(context, requireViewer(context), parseId('McpResource', id)),
  }),
);
