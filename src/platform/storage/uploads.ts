import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { UnavailableError } from '../lib/errors.ts';

/** A staged file that is not committed to the storage yet. */
export interface StoredFile {
  /** The path of the file on this machine. */
  path: string;
  sizeBytes: number;
  /** SHA-256, in hexadecimal. */
  contentHash: string;
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const UNWRITABLE = new Set(['EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE', 'ENFILE', 'ENOTDIR']);

/** Translates the error of a write to the storage for the caller. Returns errors of the source unchanged, such as a disconnect. */
export function storageError(error: unknown): unknown {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (FULL.has(code)) {
    const message = 'The file storage of the server is full. Nothing was stored. Retry when the operator has freed space.';
    return new UnavailableError(message, { cause: error });
  }
  if (!UNWRITABLE.has(code)) return error;
  return new UnavailableError('The file storage of the server cannot be written to. Nothing was stored.', { cause: error });
}

/** Rejects with the reason if a folder takes no files, or has less space than the largest file needs. */
export async function checkWritable(folder: string, minFreeBytes: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const probe = await mkdtemp(join(folder, 'check-'));
  try {
    await writeFile(join(probe, FILE), Buffer.alloc(4_096), { flush: true });
    const { bavail, bsize, blocks } = await statfs(folder);
    // Some network file systems report no sizes.
    if (blocks > 0 && bavail * bsize < minFreeBytes) {
      throw new Error(`${Math.floor((bavail * bsize) / 1024 / 1024)} MiB free, less than the largest upload`);
    }
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

/** The stream has more bytes than its limit. */
export class TooLargeError extends Error {}

/** Passes bytes through, counts them and computes their hash. Fails with TooLargeError beyond its limit. */
export class HashingSizeLimit extends Transform {
  readonly #hash = createHash('sha256');
  readonly #maxBytes: number;
  sizeBytes = 0;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.sizeBytes += chunk.length;
    if (this.sizeBytes > this.#maxBytes) {
      done(new TooLargeError(`the file is larger than ${this.#maxBytes} bytes`));
      return;
    }
    this.#hash.update(chunk);
    done(null, chunk);
  }

  /** Returns the SHA-256 of the bytes in hexadecimal. Call it once. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** Converts a web stream. `Readable.fromWeb` accepts only streams of Node.js, and waits for the next chunk before it cancels the source. */
export function fromWeb(source: ReadableStream<Uint8Array>): Readable {
  const reader = source.getReader();
  return new Readable({
    read() {
      reader.read().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      reader.cancel(error).then(
        () => done(error),
        (failure: Error) => done(error ?? failure),
      );
    },
  });
}

/** The name of the single file in each temporary folder. */
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

/** Removes the folders of this user in `parent` without a write for `olderThanMs`. Returns their number. */
export async function purgeStaleUploads(parent: string, prefix: string, olderThanMs: number): Promise<number> {
  const names = (await readdir(parent).catch(ignoreErrno(['ENOENT']))) ?? [];
  let removed = 0;
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(parent, name);
    const owner = (await stat(folder).catch(ignoreErrno(['ENOENT'])))?.uid;
    if (owner !== process.getuid?.()) continue;
    // The folder has its creation time, the file the time of its last write.
    const times = await Promise.all([folder, join(folder, FILE)].map(lastChange));
    if (Math.max(...times) > Date.now() - olderThanMs) continue;
    await rm(folder, { recursive: true, force: true });
    removed++;
  }
  return removed;
}
