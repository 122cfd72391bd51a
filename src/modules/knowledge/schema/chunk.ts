import { tenantKey } from '../../../db/tenant-key.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';
import { listType } from '../../../graphql/connection.ts';
import { reads } from '../../../graphql/selection.ts';
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
      extensions: reads('documentId'),
      resolve: ({ documentId }, _args, context) => loadDocument(context, documentId),
    }),
  }),
});

export const loadChunk = byId<typeof Chunk.$inferType>('Chunk', 'chunks');

listType({
  name: 'Chunk',
  table: 'chunks',
  node: Chunk,
  orders: {
    POSITION_ASC: { column: 'position', type: 'integer', direction: 'ASC' },
    POSITION_DESC: { column: 'position', type: 'integer', direction: 'DESC' },
  },
}).of(Document, 'chunks', {
  description: 'Its passages, as they are searched.',
  column: 'document_id',
  access: 'knowledge:read',
});
