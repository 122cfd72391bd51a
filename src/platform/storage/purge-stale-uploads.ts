import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The one file in each folder. */
export const FILE = 'file';

function ignoreErrno(codes: string[]) {
  return (error: NodeJS.ErrnoException) => {
    if (error.code === undefined || !codes.includes(error.code)) throw error;
    return undefined;
  };
}

async function lastChange(path: string): Promise<number> {
  return (await stat(path).catch(ignoreErrno(['ENOENT'])))?.mtimeMs ?? 0;
}

/** Removes the folders of ours in `parent` that nothing was written to for so long. Returns how many. Other people's stay. */
export async function purgeStaleUploads(parent: string, prefix: string, olderThanMs: number): Promise<number> {
  const left = (await readdir(parent).catch(ignoreErrno(['ENOENT']))) ?? [];
  let swept = 0;
  for (const name of left) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(parent, name);
    const owner = (await stat(folder).catch(ignoreErrno(['ENOENT'])))?.uid;
    if (owner !== process.getuid?.()) continue;
    // The folder keeps the time it was made, the file in it that of its last bytes.
    const times = await Promise.all([folder, join(folder, FILE)].map(lastChange));
    if (Math.max(...times) > Date.now() - olderThanMs) continue;
    await rm(folder, { recursive: true, force: true });
    swept++;
  }
  return swept;
}
