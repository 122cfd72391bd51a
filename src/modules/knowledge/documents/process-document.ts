import type { Embedder } from '../../../platform/ai/embedding/embedder.ts';
import { EmbeddingError } from '../../../platform/ai/embedding/embedder.ts';
import { newId } from '../../../platform/lib/ids.ts';
import type { Logger } from '../../../platform/lib/logger.ts';
import { runWithContext, tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { FileMissingError } from '../../../platform/storage/storage.ts';
import type { Collection } from '../collection.ts';
import { embedRecorded } from '../embed-recorded.ts';
import { UnreadableDocumentError } from '../extraction/errors.ts';
import { type ExtractedChunk, extractChunks, extractionVersion } from '../extraction/extract.ts';
import type { MediaType } from '../extraction/media-types.ts';
import { vectorText } from '../search/search.ts';
import type { KnowledgeServices } from '../services.ts';
import type { Document } from './document.ts';
import { publishDocumentChanges } from './documents.ts';

/** Chunks that are embedded, stored and published together. */
const BATCH = 64;

/** Another worker claimed the document, or it was deleted. This worker discards its results. */
class LostDocumentError extends Error {}

/** The collection's settings changed after the claim, so that the chunks no longer match them. */
class OutdatedClaimError extends Error {}

export interface ProcessingRun {
  tenantId: string;
  documentId: string;
  signal: AbortSignal;
  /** Whether the queue does not retry after this attempt. */
  lastAttempt: boolean;
}

interface Claim {
  document: Document;
  collection: Collection;
  embedder: Embedder;
  /** Fencing token: writes with a token that another worker has replaced change nothing and throw LostDocumentError. */
  token: string;
}

/**
 * Reads, splits, embeds and indexes a document. It can stop at any point and run again: extraction is deterministic, so that only missing
 * chunks are added. Throws errors that a retry may resolve; on others it sets the document to FAILED with an error message.
 */
export function processDocument(services: KnowledgeServices, run: ProcessingRun): Promise<void> {
  return runWithContext({ tenantId: run.tenantId }, async () => {
    for (;;) {
      const claim = await claimDocument(services, run.documentId);
      if (!claim) return;
      try {
        const chunks = await readChunks(services, claim, run.signal);
        await indexChunks(services, claim, chunks, run.signal);
        return await finish(services, claim);
      } catch (error) {
        if (error instanceof OutdatedClaimError) continue;
        return await settle(services, claim, run, error);
      }
    }
  });
}

/** Sets a document to FAILED after its last attempt ended without a result, such as when each worker crashed. */
export function markDocumentFailed(services: KnowledgeServices, tenantId: string, documentId: string): Promise<void> {
  return runWithContext({ tenantId }, async () => {
    const document = await services.prisma.document.findFirst({ where: { id: documentId } });
    if (!document || document.deletedAt || (document.status !== 'PENDING' && document.status !== 'PROCESSING')) return;
    const message = 'All attempts to process the document failed. Reprocess it, or upload it in another format.';
    await fail(services, document, undefined, 'GAVE_UP', message);
  });
}

async function settle(services: KnowledgeServices, claim: Claim, run: ProcessingRun, error: unknown): Promise<void> {
  const { document } = claim;
  if (error instanceof LostDocumentError) return;
  if (error instanceof UnreadableDocumentError) return fail(services, document, claim.token, error.code, error.message);
  if (error instanceof FileMissingError) {
    return fail(services, document, claim.token, 'FILE_MISSING', 'The file is no longer in the storage. Upload it again.');
  }
  const final = run.lastAttempt || (error instanceof EmbeddingError && !error.retryable);
  if (!final || run.signal.aborted) throw error;
  const reason = error instanceof EmbeddingError ? error.message : 'See the log of the worker for the error.';
  logFailure(services.log, document, error);
  return fail(services, document, claim.token, 'INDEXING_FAILED', `The document could not be indexed. ${reason}`);
}

function logFailure(log: Logger, document: Document, error: unknown): void {
  log.error({ err: error, tenantId: document.tenantId, documentId: document.id }, 'document indexing failed');
}

/** Claims the document for this worker. Returns undefined when it needs no processing. */
async function claimDocument(services: KnowledgeServices, id: string): Promise<Claim | undefined> {
  const { database, prisma, models } = services;
  return database.transaction(async () => {
    await queryRows(database, sql`SELECT FROM documents WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
    const found = await prisma.document.findFirst({ where: { id }, include: { collection: true } });
    if (!found || found.deletedAt || found.status === 'INDEXED' || found.status === 'FAILED') return undefined;
    const { collection, ...document } = found;
    const key = tenantKey(id);
    const embedder = models.embedder(collection.embeddingModel);
    if (!embedder) {
      const message = `The embedding model ${collection.embeddingModel} of the collection is not configured. Configure it, or reprocess the collection with another one.`;
      await fail(services, document, undefined, 'MODEL_MISSING', message);
      return undefined;
    }
    const fingerprint = fingerprintOf(collection);
    const token = newId();
    await prisma.document.update({
      where: key,
      data: {
        status: 'PROCESSING',
        processingToken: token,
        processingStartedAt: new Date(),
        ...(document.indexFingerprint === fingerprint
          ? {}
          : { indexFingerprint: fingerprint, totalChunks: null, embeddingTokens: 0n }),
      },
    });
    if (document.indexFingerprint !== fingerprint) {
      await queryRows(database, sql`DELETE FROM chunks WHERE document_id = ${id}::uuid`);
    }
    await publishDocumentChanges(services, collection.id);
    return { document, collection, embedder, token };
  });
}

type Settings = Pick<Collection, 'chunkSize' | 'chunkOverlap' | 'embeddingModel' | 'language'>;

/** The settings that determine the chunks of a file. */
function fingerprintOf({ chunkSize, chunkOverlap, embeddingModel, language }: Settings): string {
  return [`v${extractionVersion}`, chunkSize, chunkOverlap, language, embeddingModel].join(' ');
}

function readChunks(
  { storage }: KnowledgeServices,
  { document, collection }: Claim,
  signal: AbortSignal,
): Promise<ExtractedChunk[]> {
  const { chunkSize, chunkOverlap } = collection;
  return storage.withLocalFile(document.storageKey, { maxBytes: Number(document.sizeBytes), signal }, (path) =>
    extractChunks({ path, mediaType: document.mediaType as MediaType }, { chunkSize, chunkOverlap }, { signal }),
  );
}

async function indexChunks(
  services: KnowledgeServices,
  claim: Claim,
  chunks: ExtractedChunk[],
  signal: AbortSignal,
): Promise<void> {
  const { database } = services;
  const { document, embedder } = claim;
  await withClaim(services, claim, () =>
    requireClaimed(
      services,
      sql`UPDATE documents SET total_chunks = ${chunks.length}
      WHERE id = ${document.id}::uuid AND processing_token = ${claim.token}::uuid RETURNING id`,
    ),
  );
  const indexed = await queryRows<{ position: number }>(
    database,
    sql`SELECT position FROM chunks WHERE document_id = ${document.id}::uuid`,
  );
  const known = new Set(indexed.map(({ position }) => position));
  const missing = chunks.filter(({ position }) => !known.has(position));
  for (let start = 0; start < missing.length; start += BATCH) {
    signal.throwIfAborted();
    const batch = missing.slice(start, start + BATCH);
    const { vectors, tokens } = await embedRecorded(services, embedder, batch.map(textOf), { signal, purpose: 'document' });
    await withClaim(services, claim, () => writeChunks(services, claim, batch, vectors, tokens));
  }
}

/** The text to embed: the headings give a chunk its context. */
function textOf({ section, content }: ExtractedChunk): string {
  return section === null ? content : `${section}\n\n${content}`;
}

async function writeChunks(
  services: KnowledgeServices,
  claim: Claim,
  batch: ExtractedChunk[],
  vectors: Float32Array[],
  tokens: number,
): Promise<void> {
  const { document, collection, embedder } = claim;
  // Lock order: the document first, so that another worker's claim waits, or is detected here. The collection stays unlocked while the
  // chunks are inserted into the indexes, so that other writers of the collection can proceed.
  await requireClaimed(
    services,
    sql`SELECT id FROM documents WHERE id = ${document.id}::uuid AND processing_token = ${claim.token}::uuid FOR NO KEY UPDATE`,
  );
  const column = <Value>(value: (chunk: ExtractedChunk) => Value) => batch.map(value);
  await queryRows(
    services.database,
    sql`INSERT INTO chunks (tenant_id, id, collection_id, document_id, position, content, token_count, page, section, embedding_model, embedding)
      SELECT ${document.tenantId}::uuid, c.id, ${document.collectionId}::uuid, ${document.id}::uuid, c.position, c.content, c.token_count,
        c.page, c.section, ${embedder.id}, c.embedding::vector
      FROM unnest(${column(() => newId())}::uuid[], ${column(({ position }) => position)}::integer[], ${column(({ content }) => content)}::text[],
        ${column(({ tokenCount }) => tokenCount)}::integer[], ${column(({ page }) => page)}::integer[], ${column(({ section }) => section)}::text[],
        ${vectors.map(vectorText)}::text[]) AS c (id, position, content, token_count, page, section, embedding)
      ON CONFLICT (tenant_id, document_id, position) DO NOTHING`,
  );
  await queryRows(
    services.database,
    sql`UPDATE documents SET embedding_tokens = embedding_tokens + ${tokens} WHERE id = ${document.id}::uuid`,
  );
  // The trigger that counts chunks has locked the collection: its settings cannot change before the commit.
  const [current] = await queryRows<Settings>(
    services.database,
    sql`SELECT chunk_size, chunk_overlap, embedding_model, language FROM collections WHERE id = ${collection.id}::uuid`,
  );
  if (!current || fingerprintOf(current) !== fingerprintOf(collection)) throw new OutdatedClaimError();
}

async function finish(services: KnowledgeServices, claim: Claim): Promise<void> {
  await withClaim(services, claim, () =>
    requireClaimed(
      services,
      sql`UPDATE documents SET status = 'INDEXED', processed_at = now(), processing_token = NULL
      WHERE id = ${claim.document.id}::uuid AND processing_token = ${claim.token}::uuid RETURNING id`,
    ),
  );
}

async function withClaim(services: KnowledgeServices, claim: Claim, work: () => Promise<void>): Promise<void> {
  await services.database.transaction(async () => {
    await work();
    await publishDocumentChanges(services, claim.collection.id);
  });
}

async function requireClaimed({ database }: KnowledgeServices, update: ReturnType<typeof sql>): Promise<void> {
  const [row] = await queryRows(database, update);
  if (!row) throw new LostDocumentError();
}

/** Sets a document to FAILED and deletes its chunks, so that searches do not find a part of it. */
async function fail(
  services: KnowledgeServices,
  document: Document,
  token: string | undefined,
  code: string,
  message: string,
): Promise<void> {
  const { database, prisma } = services;
  await database.transaction(async () => {
    const { count } = await prisma.document.updateMany({
      where: { id: document.id, deletedAt: null, ...(token === undefined ? {} : { processingToken: token }) },
      data: {
        status: 'FAILED',
        errorCode: code,
        errorMessage: message.slice(0, 2000),
        processingToken: null,
        processedAt: new Date(),
        indexFingerprint: null,
        totalChunks: null,
      },
    });
    if (count === 0) return;
    await queryRows(database, sql`DELETE FROM chunks WHERE document_id = ${document.id}::uuid`);
    await publishDocumentChanges(services, document.collectionId);
  });
}
