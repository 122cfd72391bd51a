import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JWK } from 'jose';
import { newId } from '../lib/ids.ts';
import { ensureFile, replaceFile, type WatchedFile, watchFile } from '../lib/watched-file.ts';

const KEY_BYTES = 32;
const MAX_KID_LENGTH = 100;

/** The keys secrets are sealed under. */
export interface SealingKeys {
  /** The first of the set: it seals. */
  newest: string;
  /** All of them open. */
  byId: ReadonlyMap<string, Uint8Array>;
}

/** A new symmetric key as a JWK, ready for a key set. */
export function generateSealingKey(): JWK {
  return { kty: 'oct', k: randomBytes(KEY_BYTES).toString('base64url'), kid: newId(), alg: 'A256GCM', use: 'enc' };
}

/** Reads a set of symmetric keys. Errors name a key by its kid and never show it. */
export function parseSealingKeys(text: string): JWK[] {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  } catch {
    throw new Error('the sealing keys are not JSON: expected a JWK set such as `npm run secrets:generate` prints');
  }
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the sealing keys hold no key: expected {"keys":[…]}');
  const kids = new Set<string>();
  for (const key of keys as (JWK | null)[]) {
    const kid = key?.kid;
    if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH || kids.has(kid)) {
      throw new Error(`every sealing key needs a kid of its own of at most ${MAX_KID_LENGTH} characters`);
    }
    kids.add(kid);
    if (key?.kty !== 'oct' || typeof key.k !== 'string' || bytesOf(key).length !== KEY_BYTES) {
      throw new Error(`sealing key ${kid} is no symmetric key of 256 bits`);
    }
  }
  return keys as JWK[];
}

export function loadSealingKeys(text: string): SealingKeys {
  const keys = parseSealingKeys(text);
  return { newest: keys[0]?.kid ?? '', byId: new Map(keys.map((key) => [key.kid ?? '', bytesOf(key)])) };
}

export function serializeSealingKeys(keys: JWK[]): string {
  return `${JSON.stringify({ keys })}\n`;
}

/** Keys given once, as in SEALING_KEYS. To rotate across processes, first deploy with the new key last, then with it first. */
export function inlineSealingKeys(text: string): WatchedFile<SealingKeys> {
  const keys = loadSealingKeys(text);
  return { current: async () => keys, reload: async () => {} };
}

/** Keys of a file that several processes share. @param onError told when it cannot be read any more */
export function fileSealingKeys(file: string, onError: (error: unknown) => void): Promise<WatchedFile<SealingKeys>> {
  return watchFile(file, loadSealingKeys, onError);
}

/** Makes the file with one new key, unless it is there. */
export function ensureSealingKeyFile(file: string): Promise<void> {
  return ensureFile(file, () => serializeSealingKeys([generateSealingKey()]));
}

export async function changeSealingKeyFile(file: string, change: (keys: JWK[]) => JWK[]): Promise<void> {
  await replaceFile(file, serializeSealingKeys(change(parseSealingKeys(await readFile(file, 'utf8')))));
}

function bytesOf({ k = '' }: JWK): Uint8Array {
  return Buffer.from(k, 'base64url');
}
