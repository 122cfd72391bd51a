import { createHash, randomBytes } from 'node:crypto';

/** A secret of 256 random bits for one purpose, such as a refresh token or an invitation. Store only its hash. */
export function newSecret(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`;
}

/** SHA-256 in hex. Sufficient for random secrets; use `hashPassword` for passwords. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
