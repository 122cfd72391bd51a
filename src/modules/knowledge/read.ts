import type { Chunk, Collection, Document } from '../../generated/prisma/client.ts';
import { InvalidStateError } from '../../platform/lib/errors.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';

export function findDocuments(prisma: Prisma, ids: string[]): Promise<Document[]> {
  return prisma.document.findMany({ where: { id: { in: ids } } });
}

export function findChunks(prisma: Prisma, ids: string[]): Promise<Chunk[]> {
  return prisma.chunk.findMany({ where: { id: { in: ids } } });
}

/** Throws NotFoundError. */
export async function requireCollection(prisma: Prisma, id: string, path: string[]): Promise<Collection> {
  return requireFound(prisma.collection.findFirst({ where: { id } }), 'The collection', path);
}

/** Throws NotFoundError, and InvalidStateError for one that is put away. */
export async function requireActiveCollection(prisma: Prisma, id: string, path: string[]): Promise<Collection> {
  const collection = await requireCollection(prisma, id, path);
  if (collection.status !== 'ACTIVE') {
    throw new InvalidStateError('The collection is archived. Restore it first.', { path });
  }
  return collection;
}

/** Throws NotFoundError. */
export async function requireDocument(prisma: Prisma, id: string, path: string[]): Promise<Document> {
  return requireFound(prisma.document.findFirst({ where: { id } }), 'The document', path);
}
