import type { Viewer } from '../../auth/viewer.ts';
import { ValidationError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import type { MediaType } from './extraction/media-types.ts';
import { requireActiveCollection } from './read.ts';
import type { KnowledgeServices } from './services.ts';
import type { Tickets } from './upload-ticket.ts';

export interface OfferedFile {
  collectionId: string;
  filename: string;
  mediaType: MediaType;
  sizeBytes?: bigint | undefined;
  title: string;
  metadata?: Record<string, unknown> | undefined;
}

const TTL_SECONDS = 15 * 60;

/** A URL that takes this one file, for a while. Its path is a sealed ticket: nothing is kept here until the file has come. */
export async function offerUpload(
  services: KnowledgeServices & { tickets: Tickets; baseUrl: () => string },
  viewer: Viewer,
  file: OfferedFile,
): Promise<{ url: string; expiresAt: Date; maxBytes: number }> {
  const { prisma, tickets, baseUrl, knowledgeLimits } = services;
  const maxBytes = knowledgeLimits.maxUploadBytes;
  await requireActiveCollection(prisma, file.collectionId, ['input', 'collectionId']);
  if (file.sizeBytes !== undefined && (file.sizeBytes <= 0n || file.sizeBytes > BigInt(maxBytes))) {
    throw ValidationError.at(['input', 'sizeBytes'], `A document has 1 to ${maxBytes} bytes.`);
  }
  const { token, expiresAt } = await tickets.seal(
    {
      tenantId: viewer.tenantId,
      role: viewer.role,
      ...(viewer.userId ? { userId: viewer.userId } : {}),
      ...(viewer.apiKeyId ? { apiKeyId: viewer.apiKeyId } : {}),
      ...(viewer.sessionId ? { sessionId: viewer.sessionId } : {}),
      collectionId: file.collectionId,
      documentId: newId(),
      filename: file.filename,
      mediaType: file.mediaType,
      title: file.title,
      ...(file.metadata ? { metadata: file.metadata } : {}),
      maxBytes: file.sizeBytes === undefined ? maxBytes : Number(file.sizeBytes),
    },
    TTL_SECONDS,
  );
  return { url: `${baseUrl()}/uploads/${token}`, expiresAt, maxBytes };
}
