import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** How long a process may go on without looking whether the file changed, in milliseconds. */
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

/** Makes the file, for its owner alone, unless it is there. Of several processes that try at once, one wins. */
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

/** Replaces a file in one step: a reader sees the old text or the new one. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await rename(await writeTemporary(file, text), file);
}

/** What a file says, as it was read last. */
export interface WatchedFile<T> {
  current(): Promise<T>;
  /** Looks at once whether it changed. */
  reload(): Promise<void>;
}

/**
 * A file that several processes share. A change is noticed within seconds, without a restart.
 * @param onError told when the file cannot be read any more; what was read last stays in use
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
