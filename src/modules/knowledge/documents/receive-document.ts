import type { Readable } from 'node:stream';
import { ConflictError, ValidationError } from '../../../platform/lib/errors.ts';
import { storageKey, TooLargeError } from '../../../platform/storage/storage.ts';
import { type Collection, requireActiveCollection } from '../collection.ts';
import { type MediaType, mediaTypes } from '../extraction/media-types.ts';
import type { KnowledgeServices } from '../services.ts';
import type { NewDocument } from './documents.ts';

export interface IncomingDocument {
  /** Whoever brings other bytes under an id that has some is refused. */
  id?: string | undefined;
  collectionId: string;
  mediaType: MediaType;
  filename?: string | undefined;
  title: string;
  metadata?: Record<string, unknown> | undefined;
  source: Readable | ReadableStream<Uint8Array>;
  /** @default the server's limit */
  maxBytes?: number | undefined;
  /** Where the file stands in the input. */
  path: string[];
  signal?: AbortSignal | undefined;
}

/** A file that has come, and where it goes. */
export type ReceivedDocument = NewDocument & { collection: Collection };

/** Throws ValidationError. */
export function requireMediaType(mediaType: MediaType | undefined, path: string[]): MediaType {
  if (mediaType) return mediaType;
  throw ValidationError.inputPath(path, `Files of this type cannot be read. These can: ${mediaTypes.join(', ')}.`);
}

/** `Annual report.pdf` is called "Annual report". */
export function titleOf(filename: string): string {
  return (
    filename
      .replace(/\.[^.]{1,10}$/, '')
      .trim()
      .slice(0, 500) || filename.slice(0, 500)
  );
}

/**
 * Streams a file into the storage, under its content's hash. Takes as long as the client does: never inside a transaction. Throws
 * NotFoundError, InvalidStateError, ConflictError and ValidationError.
 */
export async function receiveDocument(services: KnowledgeServices, incoming: IncomingDocument): Promise<ReceivedDocument> {
  const { prisma, storage, knowledgeLimits } = services;
  const { collectionId, source, path, signal, maxBytes = knowledgeLimits.maxUploadBytes, ...rest } = incoming;
  const collection = await requireActiveCollection(prisma, collectionId, ['input', 'collectionId']);
  const file = await storage.stage(source, { maxBytes, ...(signal ? { signal } : {}) }).catch((error: unknown) => {
    if (error instanceof TooLargeError) throw ValidationError.inputPath(path, `A document has at most ${maxBytes} bytes.`);
    throw error;
  });
  if (file.sizeBytes === 0) {
    await storage.abort(file);
    throw ValidationError.inputPath(path, 'The document is empty.');
  }
  if (rest.id !== undefined) {
    const before = await prisma.document.findFirst({ where: { id: rest.id }, select: { contentHash: true } });
    if (before && before.contentHash !== file.contentHash) {
      await storage.abort(file);
      throw new ConflictError('Another file has come by this URL already. Ask for one more with createUpload.', { path });
    }
  }
  const key = storageKey({ tenantId: collection.tenantId, collectionId, contentHash: file.contentHash });
  try {
    await storage.commit(file, key);
  } catch (error) {
    await storage.abort(file);
    throw error;
  }
  return { ...rest, collection, file, storageKey: key };
}
