import type { Viewer } from '../../../platform/auth/viewer.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { requireActiveCollection } from '../collection.ts';
import type { MediaType } from '../extraction/media-types.ts';
import type { KnowledgeServices } from '../services.ts';
import type { UploadTokens } from './upload-token.ts';

export interface UploadRequest {
  collectionId: string;
  filename: string;
  mediaType: MediaType;
  sizeBytes?: bigint | undefined;
  title: string;
  metadata?: Record<string, unknown> | undefined;
}

const TTL_SECONDS = 15 * 60;

/** Creates a URL that accepts one file until it expires. Its path is an encrypted token; the server stores nothing before the upload. */
export async function createUploadUrl(
  services: KnowledgeServices & { uploadTokens: UploadTokens; baseUrl: () => string },
  viewer: Viewer,
  file: UploadRequest,
): Promise<{ url: string; expiresAt: Date; maxBytes: number }> {
  const { prisma, uploadTokens, baseUrl, knowledgeLimits } = services;
  const maxBytes = knowledgeLimits.maxUploadBytes;
  await requireActiveCollection(prisma, file.collectionId, ['input', 'collectionId']);
  if (file.sizeBytes !== undefined && (file.sizeBytes <= 0n || file.sizeBytes > BigInt(maxBytes))) {
    throw ValidationError.inputPath(
      ['input', 'sizeBytes'],
      `${file.sizeBytes} is out of range. A document has 1 to ${maxBytes} bytes.`,
    );
  }
  const { token, expiresAt } = await uploadTokens.seal(
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
