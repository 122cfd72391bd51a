import type { Prisma } from '../../db/prisma.ts';
import type { Chunk, Collection, Document } from '../../generated/prisma/client.ts';
import { InvalidStateError, NotFoundError } from '../../lib/errors.ts';

export function findDocuments(prisma: Prisma, ids: string[]): Promise<Document[]> {
  return prisma.document.findMany({ where: { id: { in: ids } } });
}

export function findChunks(prisma: Prisma, ids: string[]): Promise<Chunk[]> {
  return prisma.chunk.findMany({ where: { id: { in: ids } } });
}

/** Throws NotFoundError. */
export async function requireCollection(prisma: Prisma, id: string, path: string[]): Promise<Collection> {
  const collection = await prisma.collection.findFirst({ where: { id } });
  if (!collection) throw new NotFoundError('The collection', { path });
  return collection;
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
  const document = await prisma.document.findFirst({ where: { id } });
  if (!document) throw new NotFoundError('The document', { path });
  return document;
}
