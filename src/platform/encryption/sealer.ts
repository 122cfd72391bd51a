import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose';
import type { WatchedFile } from '../lib/watched-file.ts';
import type { SealingKeys } from './keys.ts';

/** Where a sealed value stands. It opens nowhere else. */
export interface SealingContext {
  tenantId: string;
  /** Of the row. */
  id: string;
  field: string;
}

export interface Sealed {
  /** Compact JWE. */
  text: string;
  keyId: string;
}

/** Seals secrets for the database under keys that the database does not have. */
export interface Sealer {
  seal(plain: string, context: SealingContext): Promise<Sealed>;
  /** Throws SealedError. */
  open(text: string, context: SealingContext): Promise<string>;
  /** The id of the key that seals. */
  newestKey(): Promise<string>;
}

/** A sealed value does not open. Says nothing of what is inside, and carries no cause. */
export class SealedError extends Error {
  override readonly name = 'SealedError';
}

const ALGORITHM = 'dir';
const ENCRYPTION = 'A256GCM';

export function createSealer(keys: WatchedFile<SealingKeys>): Sealer {
  async function keyOf(kid: string): Promise<Uint8Array> {
    const known = (await keys.current()).byId.get(kid);
    if (known) return known;
    // Another process may have sealed under a key that was added a moment ago.
    await keys.reload();
    const added = (await keys.current()).byId.get(kid);
    if (!added) throw new SealedError(`The value is sealed under a key that is not there: ${kid}.`);
    return added;
  }

  return {
    async seal(plain, context) {
      const { newest, byId } = await keys.current();
      const key = byId.get(newest) as Uint8Array;
      // All of the header is authenticated. The place is in it, so that a value copied to another row does not open there.
      const header = { alg: ALGORITHM, enc: ENCRYPTION, kid: newest, for: placeOf(context) };
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
        throw new SealedError(`The value does not open with the key it names: ${kid}.`);
      }
      if (opened.protectedHeader.for !== placeOf(context)) throw new SealedError('The value was sealed for another place.');
      return new TextDecoder().decode(opened.plaintext);
    },

    newestKey: async () => (await keys.current()).newest,
  };
}

function placeOf({ tenantId, id, field }: SealingContext): string {
  return `${tenantId}:${id}:${field}`;
}

function headerOf(text: string): { kid: string } {
  try {
    const { kid } = decodeProtectedHeader(text);
    if (kid) return { kid: String(kid) };
  } catch {
    // What cannot be read has no key.
  }
  throw new SealedError('The value is not sealed as it should be.');
}
