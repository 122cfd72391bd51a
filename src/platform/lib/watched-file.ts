import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The longest interval between checks for a change, in milliseconds. */
const CHECK_EVERY_MS = 2_000;

async function writeTemporary(file: string, text: string): Promise<string> {
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

/** Creates the file, readable by its owner only, unless it exists. If several processes call it at once, one creates the file. */
export async function ensureFile(file: string, text: () => string | Promise<string>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  if (await stat(file).catch(() => undefined)) return;
  const temporary = await writeTemporary(file, await text());
  try {
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary);
  }
}

/** Replaces a file atomically: a reader sees the old text or the new text. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await rename(await writeTemporary(file, text), file);
}

/** The parsed content of a file, as of its last read. */
export interface WatchedFile<T> {
  current(): Promise<T>;
  /** Checks for a change immediately. */
  reload(): Promise<void>;
}

/**
 * Watches a file that several processes share. Loads a change within seconds, without a restart.
 * @param onError called when the file cannot be read or parsed; the last value stays in use
 */
export async function watchFile<T>(
  file: string,
  parse: (text: string) => T | Promise<T>,
  onError: (error: unknown) => void,
): Promise<WatchedFile<T>> {
  let version = '';
  let checkedAt = performance.now();
  let loaded: T = await read();
  let reading: Promise<void> | undefined;

  async function read(): Promise<T> {
    const { mtimeMs, ino, size } = await stat(file);
    const found = `${mtimeMs}:${ino}:${size}`;
    if (found === version) return loaded;
    const value = await parse(await readFile(file, 'utf8'));
    version = found;
    return value;
  }

  const reload = (): Promise<void> => {
    checkedAt = performance.now();
    reading ??= read()
      .then((value) => {
        loaded = value;
      })
      .catch(onError)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  return {
    reload,
    async current() {
      if (performance.now() - checkedAt >= CHECK_EVERY_MS) await reload();
      return loaded;
    },
  };
}
