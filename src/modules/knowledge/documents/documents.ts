import type { Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { publishChange } from '../../../platform/live/change-log.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { StoredFile } from '../../../platform/storage/uploads.ts';
import type { Collection } from '../collection.ts';
import type { KnowledgeServices } from '../services.ts';
import { Document, requireNotDeleted } from './document.ts';

/** A file in the storage, and the attributes of its document. */
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
  /** Whether the collection already had a document with the same bytes, which `document` is. */
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

/** Publishes the change of a collection's documents to subscribers after the transaction commits. */
export async function publishDocumentChanges({ prisma, live }: KnowledgeServices, collectionId: string): Promise<void> {
  const { tenantId, changeSequence } = await prisma.collection.findFirstOrThrow({
    where: { id: collectionId },
    select: { tenantId: true, changeSequence: true },
  });
  publishChange(live, Document.log, { tenantId, id: collectionId, sequence: changeSequence });
}

/**
 * Locks documents in the order of their ids until the transaction ends. A change of a document also updates, and locks, its collection.
 * A transaction that changes several documents locks all of them before the first change, to avoid a deadlock.
 */
export async function lockDocuments({ database }: KnowledgeServices, ids: string[]): Promise<void> {
  await queryRows(database, sql`SELECT FROM documents WHERE id = ANY (${ids}::uuid[]) ORDER BY id FOR NO KEY UPDATE`);
}

/** Enqueues documents for processing from the start and deletes their chunks. */
export async function queueProcessing(services: KnowledgeServices, tenantId: string, ids: string[]): Promise<void> {
  const { database, prisma, jobs } = services;
  if (ids.length === 0) return;
  await lockDocuments(services, ids);
  // The status changes first: a CHECK constraint requires all chunks of an INDEXED document.
  await prisma.document.updateMany({ where: { id: { in: ids } }, data: { ...PROCESSING_RESET, indexFingerprint: null } });
  await queryRows(database, sql`DELETE FROM chunks WHERE document_id = ANY (${ids}::uuid[])`);
  await jobs.enqueue(
    'document.process',
    ids.map((id) => ({ tenantId, id })),
  );
}

/** Adds a document. The same bytes in the same collection are one document, whatever its title: a duplicate is returned. */
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
  // Of two concurrent uploads of the same bytes, the second waits here for the first and then finds its document.
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
  const existing = await prisma.document.findFirstOrThrow({
    where: { collectionId: collection.id, contentHash: given.file.contentHash },
  });
  if (existing.deletedAt === null && existing.status !== 'FAILED') return { document: existing, duplicate: true };
  // A deleted document is restored with the new title and metadata. A failed one is processed again with the new filename and media type,
  // which may have caused the failure.
  const { filename = null, mediaType } = given;
  await prisma.document.update({
    where: tenantKey(existing.id),
    data: existing.deletedAt
      ? { deletedAt: null, title: given.title, filename, mediaType, metadata: metadata ?? {} }
      : { filename, mediaType },
  });
  await queueProcessing(services, tenantId, [existing.id]);
  await publishDocumentChanges(services, collection.id);
  return { document: await Document.require(prisma, existing.id, []), duplicate: existing.deletedAt === null };
}

/** Marks a document as deleted and deletes its chunks. Its file stays until `document.purge`, so that it can be restored. */
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
  await jobs.enqueue('document.purge', [{ tenantId: viewer.tenantId, id }], {
    delaySeconds: knowledgeLimits.keepDeletedDays * 86_400 + 60,
  });
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

/** Processes a document again with the current settings of its collection. */
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

/** Deletes the row and the file of a deleted document, unless it was restored in the meantime. */
export async function purgeDocument(services: KnowledgeServices, documentId: string): Promise<void> {
  const { database, storage, knowledgeLimits } = services;
  await database.transaction(async () => {
    // The row lock prevents a concurrent restore while the file is removed. The collection is not locked meanwhile, so that no other
    // transaction waits for the storage.
    const [expired] = await queryRows<{ storageKey: string }>(
      database,
      sql`SELECT storage_key FROM documents WHERE id = ${documentId}::uuid
        AND deleted_at <= now() - make_interval(days => ${knowledgeLimits.keepDeletedDays}) FOR UPDATE`,
    );
    if (!expired) return;
    await storage.remove(expired.storageKey);
    await queryRows(database, sql`DELETE FROM documents WHERE id = ${documentId}::uuid`);
  });
}
