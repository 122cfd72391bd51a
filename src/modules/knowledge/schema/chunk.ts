import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { Document, loadDocument } from './document.ts';

export const Chunk = builder.prismaNode('Chunk', {
  nullable: true,
  authScopes: { permission: 'knowledge:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    position: t.exposeInt('position'),
    content: t.exposeString('content'),
    tokenCount: t.exposeInt('tokenCount'),
    embeddingModel: t.exposeString('embeddingModel'),
    page: t.exposeInt('page', { nullable: true }),
    section: t.exposeString('section', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    document: t.field({
      type: Document,
      nullable: true,
      description: 'The document.',
      extensions: dependsOn('documentId'),
      resolve: ({ documentId }, _args, context) => loadDocument(context, documentId),
    }),
  }),
});

export const loadChunk = nodeLoader<typeof Chunk.$inferType>('Chunk', 'chunks');

defineConnection({
  name: 'Chunk',
  table: 'chunks',
  node: Chunk,
  orders: {
    POSITION_ASC: { column: 'position', type: 'integer', direction: 'ASC' },
    POSITION_DESC: { column: 'position', type: 'integer', direction: 'DESC' },
  },
}).onParent(Document, 'chunks', {
  description: 'Its passages, as they are searched.',
  column: 'document_id',
  access: 'knowledge:read',
});
