import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JWK } from 'jose';
import { generateSigningKey, type Keyring, type LoadedKeys, loadKeys, parseKeySet } from './keyring.ts';

/** How long a process may go on without looking whether the file changed, in milliseconds. */
const CHECK_EVERY_MS = 2_000;

async function writeBeside(file: string, keys: JWK[]): Promise<string> {
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ keys })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

/** Makes the file with one new key, unless it is there. Of several processes that try at once, one wins. */
export async function ensureKeyFile(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  if (await stat(file).catch(() => undefined)) return;
  const temporary = await writeBeside(file, [await generateSigningKey()]);
  try {
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary);
  }
}

/** Replaces the keys of a file in one step: a reader sees the old set or the new one. */
export async function changeKeyFile(file: string, change: (keys: JWK[]) => JWK[] | Promise<JWK[]>): Promise<void> {
  const keys = await change(parseKeySet(await readFile(file, 'utf8')));
  await rename(await writeBeside(file, keys), file);
}

/**
 * A keyring over a file that several processes share. A change of the file is noticed within seconds, without a restart, and
 * at once when a token names a key that is not known yet.
 * @param onError told when the file cannot be read any more; the keys that were read last stay in use
 */
export async function fileKeyring(file: string, onError: (error: unknown) => void): Promise<Keyring> {
  let version = '';
  let checkedAt = performance.now();
  let loaded = await read();
  let reading: Promise<void> | undefined;

  async function read(): Promise<LoadedKeys> {
    const { mtimeMs, ino, size } = await stat(file);
    const found = `${mtimeMs}:${ino}:${size}`;
    if (found === version) return loaded;
    const keys = await loadKeys(await readFile(file, 'utf8'));
    version = found;
    return keys;
  }

  const reload = (): Promise<void> => {
    checkedAt = performance.now();
    reading ??= read()
      .then((keys) => {
        loaded = keys;
      })
      .catch(onError)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  const current = async (): Promise<LoadedKeys> => {
    if (performance.now() - checkedAt >= CHECK_EVERY_MS) await reload();
    return loaded;
  };

  return {
    signingKey: async () => (await current()).signing,
    resolver: async () => (await current()).resolver,
    publicKeys: async () => (await current()).published,
    reload,
  };
}
