import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose';
import type { WatchedFile } from '../lib/watched-file.ts';
import type { SealingKeys } from './keys.ts';

/** The column value that a ciphertext belongs to. It cannot be decrypted in another context. */
export interface SealingContext {
  tenantId: string;
  /** The id of the row. */
  id: string;
  field: string;
}

export interface Sealed {
  /** Compact JWE. */
  text: string;
  keyId: string;
}

/** Encrypts secrets for the database with keys that are not stored in the database. */
export interface Sealer {
  seal(plain: string, context: SealingContext): Promise<Sealed>;
  /** Throws SealedError. */
  open(text: string, context: SealingContext): Promise<string>;
  /** Returns the id of the key that encrypts. */
  newestKey(): Promise<string>;
}

/** A value cannot be decrypted. Contains no plaintext and no cause. */
export class SealedError extends Error {
  override readonly name = 'SealedError';
}

const ALGORITHM = 'dir';
const ENCRYPTION = 'A256GCM';

export function createSealer(keys: WatchedFile<SealingKeys>): Sealer {
  async function keyOf(kid: string): Promise<Uint8Array> {
    const key = (await keys.current()).byId.get(kid);
    if (key) return key;
    // Another process may have used a key that was added a moment ago.
    await keys.reload();
    const added = (await keys.current()).byId.get(kid);
    if (!added) throw new SealedError(`The sealing key ${kid} is not available. Add it to the sealing keys.`);
    return added;
  }

  return {
    async seal(plain, context) {
      const { newest, byId } = await keys.current();
      const key = byId.get(newest) as Uint8Array;
      // The whole header is authenticated. It contains the context, so that a value copied to another row cannot be decrypted there.
      const header = { alg: ALGORITHM, enc: ENCRYPTION, kid: newest, for: contextOf(context) };
      const text = await new CompactEncrypt(new TextEncoder().encode(plain)).setProtectedHeader(header).encrypt(key);
      return { text, keyId: newest };
    },

    async open(text, context) {
      const { kid } = headerOf(text);
      const key = await keyOf(kid);
      let opened: Awaited<ReturnType<typeof compactDecrypt>>;
      try {
        opened = await compactDecrypt(text, key, {
          keyManagementAlgorithms: [ALGORITHM],
          contentEncryptionAlgorithms: [ENCRYPTION],
        });
      } catch {
        throw new SealedError(`The value cannot be decrypted with its sealing key ${kid}.`);
      }
      if (opened.protectedHeader.for !== contextOf(context))
        throw new SealedError('The value was sealed for another row or field.');
      return new TextDecoder().decode(opened.plaintext);
    },

    newestKey: async () => (await keys.current()).newest,
  };
}

function contextOf({ tenantId, id, field }: SealingContext): string {
  return `${tenantId}:${id}:${field}`;
}

function headerOf(text: string): { kid: string } {
  try {
    const { kid } = decodeProtectedHeader(text);
    if (kid) return { kid: String(kid) };
  } catch {
    // Thrown below.
  }
  throw new SealedError('The value is not a valid sealed value.');
}
