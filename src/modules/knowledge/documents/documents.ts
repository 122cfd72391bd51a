import type { Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { publishChange } from '../../../platform/live/change-log.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import type { StoredFile } from '../../../platform/storage/stored-file.ts';
import type { Collection } from '../collection.ts';
import type { KnowledgeServices } from '../services.ts';
import { Document, requireNotDeleted } from './document.ts';

/** A file that has come and stands in the storage, and what is to be said of it. */
export interface NewDocument {
  id?: string | undefined;
  title: string;
  filename?: string | undefined;
  mediaType: string;
  metadata?: Record<string, unknown> | undefined;
  file: StoredFile;
  storageKey: string;
}

export interface AddedDocument {
  document: Document;
  /** The collection had these bytes already: this is the document they are. */
  duplicate: boolean;
}

const PROCESSING_RESET = {
  status: 'PENDING',
  errorCode: null,
  errorMessage: null,
  processingToken: null,
  processedAt: null,
  totalChunks: null,
} as const;

/** Tells the watchers of a collection, once the transaction has committed, where its documents stand. */
export async function publishDocumentChanges({ prisma, live }: KnowledgeServices, collectionId: string): Promise<void> {
  const { tenantId, changeSequence } = await prisma.collection.findFirstOrThrow({
    where: { id: collectionId },
    select: { tenantId: true, changeSequence: true },
  });
  publishChange(live, Document.log, { tenantId, id: collectionId, sequence: changeSequence });
}

/**
 * Waits for whoever changes these documents, and keeps others from it until the transaction ends. A change of a document moves its
 * collection's counts: who changes several takes all of them before that, in one order, or two such wait for each other.
 */
export async function lockDocuments({ database }: KnowledgeServices, ids: string[]): Promise<void> {
  await queryRows(database, sql`SELECT FROM documents WHERE id = ANY (${ids}::uuid[]) ORDER BY id FOR NO KEY UPDATE`);
}

/** Puts documents at the end of the queue, to be read from the start. What was found of them so far is found no more. */
export async function queueProcessing(services: KnowledgeServices, tenantId: string, ids: string[]): Promise<void> {
  const { database, prisma, jobs } = services;
  if (ids.length === 0) return;
  await lockDocuments(services, ids);
  // In this order: an indexed document may not lose a passage.
  await prisma.document.updateMany({ where: { id: { in: ids } }, data: { ...PROCESSING_RESET, indexFingerprint: null } });
  await queryRows(database, sql`DELETE FROM chunks WHERE document_id = ANY (${ids}::uuid[])`);
  await jobs.enqueue(
    'document.process',
    ids.map((id) => ({ tenantId, id })),
  );
}

/** Adds a document, or recognises it: the same bytes in the same collection are one document, however they are called. */
export async function addDocument(
  services: KnowledgeServices,
  viewer: Pick<Viewer, 'tenantId' | 'userId'>,
  { collection, ...given }: NewDocument & { collection: Collection },
): Promise<AddedDocument> {
  const { database, prisma, jobs } = services;
  const { tenantId } = viewer;
  const id = given.id ?? newId();
  const metadata = given.metadata as PrismaTypes.InputJsonValue | undefined;
  await queryRows(
    database,
    sql`SELECT FROM documents WHERE collection_id = ${collection.id}::uuid AND content_hash = ${given.file.contentHash} FOR NO KEY UPDATE`,
  );
  // Two uploads of the same bytes at once: the second waits here for the first, then finds its document.
  const [added] = await queryRows<{ id: string }>(
    database,
    sql`INSERT INTO documents (tenant_id, id, collection_id, title, filename, media_type, size_bytes, content_hash, storage_key, metadata, uploaded_by_id)
      VALUES (${tenantId}::uuid, ${id}::uuid, ${collection.id}::uuid, ${given.title}, ${given.filename ?? null}, ${given.mediaType},
        ${given.file.sizeBytes}, ${given.file.contentHash}, ${given.storageKey}, ${JSON.stringify(metadata ?? {})}::jsonb, ${viewer.userId ?? null}::uuid)
      ON CONFLICT (tenant_id, collection_id, content_hash) DO NOTHING RETURNING id`,
  );
  if (added) {
    await jobs.enqueue('document.process', [{ tenantId, id }]);
    await publishDocumentChanges(services, collection.id);
    return { document: await Document.require(prisma, id, []), duplicate: false };
  }
  const known = await prisma.document.findFirstOrThrow({
    where: { collectionId: collection.id, contentHash: given.file.contentHash },
  });
  if (known.deletedAt === null && known.status !== 'FAILED') return { document: known, duplicate: true };
  // What was deleted comes back as what it is called now. What failed is tried again, now that its bytes are certainly there, and as
  // what it is said to be now: it may have failed because it was called something else.
  const { filename = null, mediaType } = given;
  await prisma.document.update({
    where: tenantKey(known.id),
    data: known.deletedAt
      ? { deletedAt: null, title: given.title, filename, mediaType, metadata: metadata ?? {} }
      : { filename, mediaType },
  });
  await queueProcessing(services, tenantId, [known.id]);
  await publishDocumentChanges(services, collection.id);
  return { document: await Document.require(prisma, known.id, []), duplicate: known.deletedAt === null };
}

/** Takes a document out of every search at once. Its bytes stay for a while, so that it can be restored. */
export async function deleteDocument(services: KnowledgeServices, viewer: Viewer, id: string): Promise<Document> {
  const { database, prisma, jobs, knowledgeLimits } = services;
  const before = await Document.require(prisma, id, ['input', 'id']);
  requireNotDeleted(before);
  await prisma.document.update({
    where: tenantKey(id),
    data: { ...PROCESSING_RESET, indexFingerprint: null, deletedAt: new Date() },
  });
  await queryRows(database, sql`DELETE FROM chunks WHERE document_id = ${id}::uuid`);
  const document = await Document.require(prisma, id, []);
  await jobs.enqueue('document.purge', [{ tenantId: viewer.tenantId, id }], knowledgeLimits.keepDeletedDays * 86_400 + 60);
  await publishDocumentChanges(services, document.collectionId);
  return document;
}

export async function restoreDocument(services: KnowledgeServices, viewer: Viewer, id: string): Promise<Document> {
  const { prisma } = services;
  const before = await Document.require(prisma, id, ['input', 'id']);
  if (!before.deletedAt) throw new InvalidStateError('The document is not deleted.', { path: ['input', 'id'] });
  await prisma.document.update({
    where: tenantKey(id),
    data: { deletedAt: null },
  });
  return requeue(services, viewer, id);
}

/** Reads a document anew from its bytes, as the collection is set now. */
export async function reprocessDocument(services: KnowledgeServices, viewer: Viewer, id: string): Promise<Document> {
  requireNotDeleted(await Document.require(services.prisma, id, ['input', 'id']));
  return requeue(services, viewer, id);
}

async function requeue(services: KnowledgeServices, viewer: Viewer, id: string): Promise<Document> {
  await queueProcessing(services, viewer.tenantId, [id]);
  const document = await Document.require(services.prisma, id, []);
  await publishDocumentChanges(services, document.collectionId);
  return document;
}

/** Removes a deleted document for good, bytes and all, unless it was restored in the meantime. */
export async function purgeDocument(services: KnowledgeServices, documentId: string): Promise<void> {
  const { database, storage, knowledgeLimits } = services;
  await database.transaction(async () => {
    // Locked while its bytes go, so that nobody restores it meanwhile. Its collection is not: others must not wait for the storage.
    const [gone] = await queryRows<{ storageKey: string }>(
      database,
      sql`SELECT storage_key FROM documents WHERE id = ${documentId}::uuid
        AND deleted_at <= now() - make_interval(days => ${knowledgeLimits.keepDeletedDays}) FOR UPDATE`,
    );
    if (!gone) return;
    await storage.remove(gone.storageKey);
    await queryRows(database, sql`DELETE FROM documents WHERE id = ${documentId}::uuid`);
  });
}
