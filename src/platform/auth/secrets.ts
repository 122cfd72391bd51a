import { createHash, randomBytes } from 'node:crypto';

/** A secret of 256 random bits for one purpose, such as a refresh token or an invitation. It is kept as its hash only. */
export function newSecret(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`;
}

/** SHA-256 in hex. Enough for secrets that cannot be guessed; passwords take `hashPassword`. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
