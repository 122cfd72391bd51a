import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JWK } from 'jose';
import { newId } from '../lib/ids.ts';
import { ensureFile, replaceFile, type WatchedFile, watchFile } from '../lib/watched-file.ts';

const KEY_BYTES = 32;
const MAX_KID_LENGTH = 100;

/** The keys that encrypt secrets. */
export interface SealingKeys {
  /** The id of the first key of the set, which encrypts. */
  newest: string;
  /** Every key of the set. Each can decrypt. */
  byId: ReadonlyMap<string, Uint8Array>;
}

/** Generates a symmetric key as a JWK for a key set. */
export function generateSealingKey(): JWK {
  return { kty: 'oct', k: randomBytes(KEY_BYTES).toString('base64url'), kid: newId(), alg: 'A256GCM', use: 'enc' };
}

/** Parses a JWK set of symmetric keys. Errors name a key by its kid and never contain the key. */
export function parseSealingKeys(text: string): JWK[] {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  } catch {
    throw new Error('the sealing keys are not valid JSON: expected a JWK set such as `npm run secrets:generate` prints');
  }
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the sealing keys contain no key: expected {"keys":[…]}');
  const kids = new Set<string>();
  for (const key of keys as (JWK | null)[]) {
    const kid = key?.kid;
    if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH || kids.has(kid)) {
      throw new Error(`every sealing key needs a unique kid of at most ${MAX_KID_LENGTH} characters`);
    }
    kids.add(kid);
    if (key?.kty !== 'oct' || typeof key.k !== 'string' || bytesOf(key).length !== KEY_BYTES) {
      throw new Error(`sealing key ${kid} is not a symmetric key of 256 bits`);
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

/** Keys of an environment variable. To rotate them across processes, deploy with the new key last, then with the new key first. */
export function inlineSealingKeys(text: string): WatchedFile<SealingKeys> {
  const keys = loadSealingKeys(text);
  return { current: async () => keys, reload: async () => {} };
}

/** Keys of a file that several processes share. @param onError called when the file cannot be read or parsed */
export function fileSealingKeys(file: string, onError: (error: unknown) => void): Promise<WatchedFile<SealingKeys>> {
  return watchFile(file, loadSealingKeys, onError);
}

/** Creates the file with one new key, unless it exists. */
export function ensureSealingKeyFile(file: string): Promise<void> {
  return ensureFile(file, () => serializeSealingKeys([generateSealingKey()]));
}

export async function changeSealingKeyFile(file: string, change: (keys: JWK[]) => JWK[]): Promise<void> {
  await replaceFile(file, serializeSealingKeys(change(parseSealingKeys(await readFile(file, 'utf8')))));
}

function bytesOf({ k = '' }: JWK): Uint8Array {
  return Buffer.from(k, 'base64url');
}
