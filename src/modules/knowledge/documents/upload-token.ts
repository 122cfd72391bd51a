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
  /** The id the document gets, so that a ticket used twice makes one document. */
  documentId: z.uuid(),
  filename: z.string(),
  mediaType: z.string(),
  title: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  maxBytes: z.number().int().positive(),
});

/** What an upload URL lets its holder do. Sealed: they can neither read nor change it. */
export type UploadToken = z.infer<typeof tokenSchema>;

export interface UploadTokens {
  seal(ticket: UploadToken, ttlSeconds: number): Promise<{ token: string; expiresAt: Date }>;
  /** Throws AuthenticationError for what is expired, changed, made under another secret, or no ticket at all. */
  open(token: string): Promise<UploadToken>;
}

const TYPE = 'upload+jwt';
/** Metadata has up to 64 KiB, in base64url. */
const MAX_CHARACTERS = 131_072;

export function createUploadTokens(secret: string): UploadTokens {
  // Its own key: what else the secret is for must not open tickets, nor the other way round.
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'agentbase upload ticket', 32));
  return {
    async seal(ticket, ttlSeconds) {
      const expiresAt = new Date((Math.floor(Date.now() / 1000) + ttlSeconds) * 1000);
      const token = await new EncryptJWT({ ticket })
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
          'This upload URL is not valid, or not any more. Ask for another with createUpload.',
          { cause },
        );
      }
    },
  };
}
