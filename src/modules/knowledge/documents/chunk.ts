import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { Document } from './document.ts';

export type Chunk = RowOf<'Chunk'>;
export const Chunk = entity('Chunk', {
  table: 'chunks',
  access: 'knowledge:read',
  columns: ['position', 'content', 'tokenCount', 'embeddingModel', 'page', 'section'],
  references: {
    document: Document,
  },
  list: { orders: ['position', '-position'] },
});

Chunk.listOn(Document, 'chunks', {
  column: 'documentId',
  description: 'Chunks of the document, in the form in which they are searched.',
});

export function findChunks(prisma: Prisma, ids: string[]): Promise<Chunk[]> {
  return prisma.chunk.findMany({ where: { id: { in: ids } } });
}
