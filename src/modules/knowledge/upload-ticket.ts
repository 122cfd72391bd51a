import { hkdfSync } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';
import { roles } from '../../auth/permissions.ts';
import { AuthenticationError } from '../../lib/errors.ts';

const ticketSchema = z.object({
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
export type UploadTicket = z.infer<typeof ticketSchema>;

export interface Tickets {
  seal(ticket: UploadTicket, ttlSeconds: number): Promise<{ token: string; expiresAt: Date }>;
  /** Throws AuthenticationError for what is expired, changed, made under another secret, or no ticket at all. */
  open(token: string): Promise<UploadTicket>;
}

const TYPE = 'upload+jwt';
/** Metadata has up to 64 KiB, in base64url. */
const MOST_CHARACTERS = 131_072;

export function createTickets(secret: string): Tickets {
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
        if (token.length > MOST_CHARACTERS) throw new Error('too long');
        const { payload } = await jwtDecrypt(token, key, {
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
          typ: TYPE,
          requiredClaims: ['exp'],
        });
        return ticketSchema.parse(payload.ticket);
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
