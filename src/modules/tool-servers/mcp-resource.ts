import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { parseId } from '../../platform/graphql/kit/global-id.ts';
import { requireViewer } from '../../platform/graphql/kit/require-viewer.ts';
import { type McpContent, readMcpResource } from './calls/read-resource.ts';
import { McpServerConfig } from './mcp-server-config.ts';

export type McpResource = RowOf<'McpResource'>;
export const McpResource = entity('McpResource', {
  table: 'mcp_resources',
  access: 'mcp:read',
  noun: 'MCP resource',
  columns: ['uri', 'name', 'title', 'description', 'mimeType', 'offered'],
  references: {
    config: { to: McpServerConfig, description: 'The configuration under which it was read.' },
  },
  // Ids ascend in the order in which the server lists its resources.
  list: { orders: ['id', '-id'], orderNames: { id: 'AS_LISTED' } },
});

McpResource.listOn(McpServerConfig, 'resources', {
  column: 'configId',
  description: 'What the server offered to read when it was last asked.',
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
