import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform, type TransformCallback } from 'node:stream';

/** A file that has come and is not kept yet. */
export interface StoredFile {
  /** Where it waits, on this machine. */
  path: string;
  sizeBytes: number;
  /** SHA-256, in hexadecimal. */
  contentHash: string;
}

/** More bytes came than are taken. */
export class TooLargeError extends Error {}

/** Lets bytes through, counts them and takes their hash. */
export class HashingSizeLimit extends Transform {
  readonly #hash = createHash('sha256');
  readonly #most: number;
  sizeBytes = 0;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.sizeBytes += chunk.length;
    if (this.sizeBytes > this.#most) {
      done(new TooLargeError(`more than ${this.#most} bytes`));
      return;
    }
    this.#hash.update(chunk);
    done(null, chunk);
  }

  /** SHA-256 of what went through, in hexadecimal. Once. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** Node's own conversion takes no streams but Node's, and waits for the next bytes before it lets go of a stream that is given up. */
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
