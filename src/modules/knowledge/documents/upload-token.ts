import { hkdfSync } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';
import { roles } from '../../../platform/auth/permissions.ts';
import { AuthenticationError } from '../../../platform/lib/errors.ts';

const tokenSchema = z.object({
  tenantId: z.uuid(),
  userId: z.uuid().optional(),
  apiKeyId: z.uuid().optional(),
  sessionId: z.uuid().optional(),
  role: z.enum(roles),
  collectionId: z.uuid(),
  /** The id of the document, so that two uploads with one token create one document. */
  documentId: z.uuid(),
  filename: z.string(),
  mediaType: z.string(),
  title: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  maxBytes: z.number().int().positive(),
});

/** The content of an upload URL, encrypted and authenticated. */
export type UploadToken = z.infer<typeof tokenSchema>;

export interface UploadTokens {
  seal(upload: UploadToken, ttlSeconds: number): Promise<{ token: string; expiresAt: Date }>;
  /** Throws AuthenticationError for a token that is expired, modified, encrypted with another secret, or malformed. */
  open(token: string): Promise<UploadToken>;
}

const TYPE = 'upload+jwt';
/** Room for 64 KiB of metadata in base64url. */
const MAX_CHARACTERS = 131_072;

export function createUploadTokens(secret: string): UploadTokens {
  // A derived key, so that no other token that uses the secret opens as an upload token, and vice versa.
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'agentbase upload ticket', 32));
  return {
    async seal(upload, ttlSeconds) {
      const expiresAt = new Date((Math.floor(Date.now() / 1000) + ttlSeconds) * 1000);
      const token = await new EncryptJWT({ ticket: upload })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: TYPE })
        .setExpirationTime(expiresAt)
        .encrypt(key);
      return { token, expiresAt };
    },
    async open(token) {
      try {
        if (token.length > MAX_CHARACTERS) throw new Error('too long');
        const { payload } = await jwtDecrypt(token, key, {
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
          typ: TYPE,
          requiredClaims: ['exp'],
        });
        return tokenSchema.parse(payload.ticket);
      } catch (cause) {
        throw new AuthenticationError(
          'TOKEN_INVALID',
          'The upload URL is invalid or expired. Create a new one with createUpload.',
          { cause },
        );
      }
    },
  };
}
