import { readFile } from 'node:fs/promises';
import type { JWK } from 'jose';
import { ensureFile, replaceFile, watchFile } from '../lib/watched-file.ts';
import { generateSigningKey, type Keyring, loadKeys, parseKeySet } from './keyring.ts';

function serializeKeys(keys: JWK[]): string {
  return `${JSON.stringify({ keys })}\n`;
}

/** Creates the file with one new key unless it exists. Of several concurrent processes one creates it. */
export function ensureKeyFile(file: string): Promise<void> {
  return ensureFile(file, async () => serializeKeys([await generateSigningKey()]));
}

/** Replaces the keys of a file atomically: a reader sees the old set or the new one. */
export async function changeKeyFile(file: string, change: (keys: JWK[]) => JWK[] | Promise<JWK[]>): Promise<void> {
  await replaceFile(file, serializeKeys(await change(parseKeySet(await readFile(file, 'utf8')))));
}

/**
 * A keyring over a file that several processes share. It reloads a changed file within seconds, and immediately when a token names an
 * unknown key.
 * @param onError called when the file can no longer be read; the last keys stay in use
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
