import type { Collection, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { InvalidStateError, ValidationError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { type FindSlugHolder, requireFreeSlug, slugForNew } from '../../platform/lib/slug.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import { tenantKey } from '../../platform/postgres/tenant-key.ts';
import { lockDocuments, publishDocumentChanges, queueProcessing } from './documents/documents.ts';
import { requireCollection } from './read.ts';
import type { KnowledgeServices } from './services.ts';

/** What people decide about a collection. Absent fields stay as they are, or take their default. */
export interface CollectionFields {
  name?: string | undefined;
  slug?: string | undefined;
  description?: string | null | undefined;
  embeddingModel?: string | undefined;
  chunkSize?: number | undefined;
  chunkOverlap?: number | undefined;
  language?: string | undefined;
  settings?: Record<string, unknown> | undefined;
  metadata?: Record<string, unknown> | undefined;
}

function columns({ embeddingModel: _, settings, metadata, ...rest }: CollectionFields) {
  return {
    ...rest,
    settings: settings as PrismaTypes.InputJsonValue | undefined,
    metadata: metadata as PrismaTypes.InputJsonValue | undefined,
  };
}

function requireOverlap(chunkSize: number, chunkOverlap: number): void {
  if (chunkOverlap > chunkSize / 2) {
    throw ValidationError.inputPath(['input', 'chunkOverlap'], `Must be at most half of the chunk size, which is ${chunkSize}.`);
  }
}

function embedding({ models }: KnowledgeServices, id: string | undefined) {
  const embedder = id === undefined ? models.defaultEmbedder : models.embedder(id);
  if (!embedder) {
    const known = models.embedderIds.join(', ');
    throw ValidationError.inputPath(['input', 'embeddingModel'], `This server has no such model. It has: ${known}.`);
  }
  return { embeddingModel: embedder.id, embeddingDimensions: embedder.dimensions };
}

function findSlugHolder(prisma: Prisma): FindSlugHolder {
  return (slug) => prisma.collection.findFirst({ where: { slug }, select: { id: true } });
}

const DEFAULT_CHUNK_SIZE = 400;
const DEFAULT_CHUNK_OVERLAP = 50;

export async function createCollection(
  services: KnowledgeServices,
  viewer: Viewer,
  fields: CollectionFields & { name: string },
): Promise<Collection> {
  const { prisma } = services;
  const chunkSize = fields.chunkSize ?? DEFAULT_CHUNK_SIZE;
  const chunkOverlap = fields.chunkOverlap ?? Math.min(DEFAULT_CHUNK_OVERLAP, Math.floor(chunkSize / 8));
  requireOverlap(chunkSize, chunkOverlap);
  const slug = await slugForNew(findSlugHolder(prisma), {
    slug: fields.slug,
    name: fields.name,
    kind: 'collection',
    fallback: 'collection',
  });
  return prisma.collection.create({
    data: {
      ...columns(fields),
      ...embedding(services, fields.embeddingModel),
      name: fields.name,
      slug,
      chunkSize,
      chunkOverlap,
      tenantId: viewer.tenantId,
      id: newId(),
      createdById: viewer.userId,
    },
  });
}

/** What decides how passages are made can only change while there are none; `reprocessCollection` is for the rest. */
export async function updateCollection(services: KnowledgeServices, id: string, changes: CollectionFields): Promise<Collection> {
  const { database, prisma } = services;
  // A worker that has just made its first passage is waited for, and its passages are seen.
  await queryRows(database, sql`SELECT FROM collections WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
  const collection = await requireCollection(prisma, id, ['input', 'id']);
  if (changes.slug !== undefined) await requireFreeSlug(findSlugHolder(prisma), changes.slug, 'collection', id);
  requireOverlap(changes.chunkSize ?? collection.chunkSize, changes.chunkOverlap ?? collection.chunkOverlap);
  const model = changes.embeddingModel === undefined ? {} : embedding(services, changes.embeddingModel);
  const rebuilt = (['embeddingModel', 'language'] as const).find(
    (field) => changes[field] !== undefined && changes[field] !== collection[field],
  );
  if (rebuilt && collection.chunkCount > 0) {
    throw new InvalidStateError(
      'The collection has passages that were made otherwise. Use `reprocessCollection`, which makes all of them anew.',
      { path: ['input', rebuilt] },
    );
  }
  return prisma.collection.update({
    where: tenantKey(id),
    data: { ...columns(changes), ...model },
  });
}

export async function archiveCollection({ prisma }: KnowledgeServices, id: string): Promise<Collection> {
  const collection = await requireCollection(prisma, id, ['input', 'id']);
  if (collection.status === 'ARCHIVED')
    throw new InvalidStateError('The collection is archived already.', { path: ['input', 'id'] });
  return prisma.collection.update({ where: tenantKey(id), data: { status: 'ARCHIVED' } });
}

export async function restoreCollection({ prisma }: KnowledgeServices, id: string): Promise<Collection> {
  const collection = await requireCollection(prisma, id, ['input', 'id']);
  if (collection.status !== 'ARCHIVED') throw new InvalidStateError('The collection is not archived.', { path: ['input', 'id'] });
  return prisma.collection.update({ where: tenantKey(id), data: { status: 'ACTIVE' } });
}

/** Makes every passage of a collection anew, under other settings where some are given. Nothing of it is found until its turn came. */
export async function reprocessCollection(
  services: KnowledgeServices,
  viewer: Viewer,
  id: string,
  changes: Pick<CollectionFields, 'embeddingModel' | 'language' | 'chunkSize' | 'chunkOverlap'>,
): Promise<Collection> {
  const { database, prisma } = services;
  const collection = await requireCollection(prisma, id, ['input', 'id']);
  requireOverlap(changes.chunkSize ?? collection.chunkSize, changes.chunkOverlap ?? collection.chunkOverlap);
  const model = changes.embeddingModel === undefined ? {} : embedding(services, changes.embeddingModel);
  const documents = await prisma.document.findMany({ where: { collectionId: id, deletedAt: null }, select: { id: true } });
  // Before the collection: whoever holds a document of it may wait for that.
  await lockDocuments(
    services,
    documents.map((document) => document.id),
  );
  await prisma.collection.update({
    where: tenantKey(id),
    data: { ...columns(changes), ...model },
  });
  // With those that were added meanwhile. None can be any more; one that a worker holds is waiting for us, and finds the new settings.
  const all = await queryRows<{ id: string }>(
    database,
    sql`SELECT id FROM documents WHERE collection_id = ${id}::uuid AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`,
  );
  await queueProcessing(
    services,
    viewer.tenantId,
    all.map((document) => document.id),
  );
  await publishDocumentChanges(services, id);
  return requireCollection(prisma, id, []);
}
