import { readFile } from 'node:fs/promises';
import type { JWK } from 'jose';
import { ensureFile, replaceFile, watchFile } from '../lib/watched-file.ts';
import { generateSigningKey, type Keyring, loadKeys, parseKeySet } from './keyring.ts';

function textOf(keys: JWK[]): string {
  return `${JSON.stringify({ keys })}\n`;
}

/** Makes the file with one new key, unless it is there. Of several processes that try at once, one wins. */
export function ensureKeyFile(file: string): Promise<void> {
  return ensureFile(file, async () => textOf([await generateSigningKey()]));
}

/** Replaces the keys of a file in one step: a reader sees the old set or the new one. */
export async function changeKeyFile(file: string, change: (keys: JWK[]) => JWK[] | Promise<JWK[]>): Promise<void> {
  await replaceFile(file, textOf(await change(parseKeySet(await readFile(file, 'utf8')))));
}

/**
 * A keyring over a file that several processes share. A change of the file is noticed within seconds, without a restart, and
 * at once when a token names a key that is not known yet.
 * @param onError told when the file cannot be read any more; the keys that were read last stay in use
 */
export async function fileKeyring(file: string, onError: (error: unknown) => void): Promise<Keyring> {
  const { current, reload } = await watchFile(file, loadKeys, onError);
  return {
    signingKey: async () => (await current()).signing,
    resolver: async () => (await current()).resolver,
    publicKeys: async () => (await current()).published,
    reload,
  };
}
