import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { parseId } from '../../platform/graphql/kit/global-id.ts';
import { requireViewer } from '../../platform/graphql/viewer.ts';
import { type McpContent, readMcpResource } from './calls/read-resource.ts';
import { McpServerConfig } from './mcp-server-config.ts';

export type McpResource = RowOf<'McpResource'>;
export const McpResource = entity('McpResource', {
  table: 'mcp_resources',
  access: 'mcp:read',
  noun: 'MCP resource',
  columns: ['uri', 'name', 'title', 'description', 'mimeType', 'offered'],
  references: {
    config: McpServerConfig,
  },
  // Ids ascend in the order in which the server lists its resources.
  list: { orders: ['id', '-id'], orderNames: { id: 'AS_LISTED' } },
});

McpResource.listOn(McpServerConfig, 'resources', {
  column: 'configId',
  description: 'Resources of the server as of the last refresh.',
});

const McpResourceContent = builder.objectRef<McpContent>('McpResourceContent').implement({
  description: 'One part of a resource, either text or binary data.',
  fields: (t) => ({
    uri: t.exposeString('uri', { description: 'URI of the part.' }),
    mimeType: t.exposeString('mimeType', { nullable: true, description: 'Media type from the server.' }),
    text: t.exposeString('text', { nullable: true, description: 'Text of the part. Null for binary data.' }),
    blob: t.exposeString('blob', { nullable: true, description: 'Binary data in base64. Null for text.' }),
  }),
});

builder.queryField('readMcpResource', (t) =>
  t.field({
    type: [McpResourceContent],
    description: 'Reads a resource from its MCP server, at most 1 MiB. Requires the permission mcp:execute.',
    authScopes: { permission: 'mcp:execute' },
    complexity: 200,
    args: { id: t.arg.id({ required: true, description: "The resource's `id` or `uuid`." }) },
    resolve: (_root, { id }, context) => readMcpResource(context, requireViewer(context), parseId('McpResource', id)),
  }),
);
