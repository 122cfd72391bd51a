import type { Readable } from 'node:stream';
import { ConflictError, ValidationError } from '../../../platform/lib/errors.ts';
import { storageKey, TooLargeError } from '../../../platform/storage/storage.ts';
import { type Collection, requireActiveCollection } from '../collection.ts';
import { type MediaType, mediaTypes } from '../extraction/media-types.ts';
import type { KnowledgeServices } from '../services.ts';
import type { NewDocument } from './documents.ts';

export interface IncomingDocument {
  /** The id of the document. Throws ConflictError if a document with this id has other bytes. */
  id?: string | undefined;
  collectionId: string;
  mediaType: MediaType;
  filename?: string | undefined;
  title: string;
  metadata?: Record<string, unknown> | undefined;
  source: Readable | ReadableStream<Uint8Array>;
  /** @default the server's limit */
  maxBytes?: number | undefined;
  /** The path of the file in the input, for errors. */
  path: string[];
  signal?: AbortSignal | undefined;
}

/** A stored file and its collection. */
export type ReceivedDocument = NewDocument & { collection: Collection };

/** Throws ValidationError. */
export function requireMediaType(mediaType: MediaType | undefined, path: string[]): MediaType {
  if (mediaType) return mediaType;
  throw ValidationError.inputPath(path, `The type of the file is not supported. Use one of: ${mediaTypes.join(', ')}.`);
}

/** The title for a filename: `Annual report` for `Annual report.pdf`. */
export function titleOf(filename: string): string {
  return (
    filename
      .replace(/\.[^.]{1,10}$/, '')
      .trim()
      .slice(0, 500) || filename.slice(0, 500)
  );
}

/**
 * Streams a file into the storage under the hash of its content. It takes as long as the client sends: never call it inside a transaction.
 * Throws NotFoundError, InvalidStateError, ConflictError and ValidationError.
 */
export async function receiveDocument(services: KnowledgeServices, incoming: IncomingDocument): Promise<ReceivedDocument> {
  const { prisma, storage, knowledgeLimits } = services;
  const { collectionId, source, path, signal, maxBytes = knowledgeLimits.maxUploadBytes, ...rest } = incoming;
  const collection = await requireActiveCollection(prisma, collectionId, ['input', 'collectionId']);
  const file = await storage.stage(source, { maxBytes, ...(signal ? { signal } : {}) }).catch((error: unknown) => {
    if (error instanceof TooLargeError)
      throw ValidationError.inputPath(path, `The file is larger than the limit of ${maxBytes} bytes.`);
    throw error;
  });
  if (file.sizeBytes === 0) {
    await storage.abort(file);
    throw ValidationError.inputPath(path, 'The file is empty. Upload a file with content.');
  }
  if (rest.id !== undefined) {
    const existing = await prisma.document.findFirst({ where: { id: rest.id }, select: { contentHash: true } });
    if (existing && existing.contentHash !== file.contentHash) {
      await storage.abort(file);
      throw new ConflictError('Another file was already uploaded to this URL. Create a new URL with createUpload.', { path });
    }
  }
  const key = storageKey({ tenantId: collection.tenantId, ownerId: collectionId, contentHash: file.contentHash });
  try {
    await storage.commit(file, key);
  } catch (error) {
    await storage.abort(file);
    throw error;
  }
  return { ...rest, collection, file, storageKey: key };
}
