import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Disk } from 'flydrive';
import { isUuid } from '../lib/ids.ts';
import type { S3Options } from './s3.ts';
import { checkWritable, FILE, fromWeb, HashingSizeLimit, purgeStaleUploads, type StoredFile, storageError } from './uploads.ts';

export { TooLargeError } from './uploads.ts';

/** The object does not exist. */
export class FileMissingError extends Error {}

/** Stores files by keys of `storageKey`. */
export interface Storage {
  /**
   * Streams a file to a temporary place in constant memory. Removes it if the stream fails, is aborted or exceeds the limit. Throws
   * TooLargeError, and UnavailableError if the storage is full or cannot be written to.
   */
  stage(source: Readable | ReadableStream<Uint8Array>, limits: { maxBytes: number; signal?: AbortSignal }): Promise<StoredFile>;
  /** Moves a staged file to its key. An existing object has the same content and stays. Idempotent. Throws UnavailableError. */
  commit(staged: StoredFile, key: string): Promise<void>;
  /** Removes a staged file. */
  abort(staged: StoredFile): Promise<void>;
  /** Copies an object to a local file. Throws FileMissingError and TooLargeError. */
  download(key: string, path: string, limits: { maxBytes: number; signal?: AbortSignal }): Promise<void>;
  /** Passes a temporary copy of an object to `use` and removes it afterwards. Throws the errors of `download` and `use`. */
  withLocalFile<T>(
    key: string,
    limits: { maxBytes: number; signal?: AbortSignal },
    use: (path: string) => Promise<T>,
  ): Promise<T>;
  exists(key: string): Promise<boolean>;
  /** Removes an object. Does nothing if it does not exist. */
  remove(key: string): Promise<void>;
  /** Removes the temporary files of processes that died. Returns their number. */
  purgeStale(olderThanMs: number): Promise<number>;
  /** Rejects with the reason if the storage cannot be reached, takes no files, or has less free space than its minimum. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export type StorageOptions = { kind: 'local'; folder: string } | S3Options;

/** The key of a file. Validates each part, so that no key can leave the folder of its tenant. */
export function storageKey({
  tenantId,
  ownerId,
  contentHash,
}: {
  tenantId: string;
  /** The row that owns the file. */
  ownerId: string;
  contentHash: string;
}): string {
  if (!isUuid(tenantId) || !isUuid(ownerId) || !/^[0-9a-f]{64}$/.test(contentHash))
    throw new Error('invalid storage key: expected two UUIDs and a SHA-256 hash');
  return `${tenantId}/${ownerId}/${contentHash}`;
}

const KEY = /^[0-9a-f-]{36}\/[0-9a-f-]{36}\/[0-9a-f]{64}$/;

function requireKey(key: string): string {
  if (!KEY.test(key)) throw new Error('invalid storage key: create it with storageKey()');
  return key;
}

/** The operations that differ between local storage and S3. */
export interface StorageBackend {
  /** Returns the disk of flydrive. Creates it at the first use, because the S3 driver is slow to load. */
  disk(): Promise<Disk>;
  /** The folder of staged files. */
  incoming: string;
  /** Stores a staged file as an object, atomically. */
  store(staged: StoredFile, key: string): Promise<void>;
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The prefix of temporary copies. They are directly in the temporary folder, whose sticky bit protects them from other users. */
const LOCAL_COPY = 'agentbase-lent-';

class BackendStorage implements Storage {
  readonly #backend: StorageBackend;

  readonly #temporary: string;
  readonly #minFreeBytes: number;

  constructor(backend: StorageBackend, temporary: string, minFreeBytes: number) {
    this.#backend = backend;
    this.#temporary = temporary;
    this.#minFreeBytes = minFreeBytes;
  }

  async stage(
    source: Readable | ReadableStream<Uint8Array>,
    { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal },
  ): Promise<StoredFile> {
    const stream = source instanceof Readable ? source : fromWeb(source);
    // The client may disconnect before the pipeline starts. Until then, an error event without a listener would end the process.
    stream.on('error', () => {});
    const folder = await this.#newFolder().catch((error: unknown) => {
      stream.destroy();
      throw storageError(error);
    });
    const path = join(folder, FILE);
    const limit = new HashingSizeLimit(maxBytes);
    try {
      await pipeline(stream, limit, createWriteStream(path, { mode: 0o600 }), signal ? { signal } : {});
      return { path, sizeBytes: limit.sizeBytes, contentHash: limit.digest() };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw storageError(error);
    }
  }

  async #newFolder(): Promise<string> {
    const { incoming } = this.#backend;
    // Created each time: the operating system may clean temporary folders.
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    return mkdtemp(join(incoming, 'file-'));
  }

  async commit(staged: StoredFile, key: string): Promise<void> {
    try {
      if (!(await this.exists(key))) await this.#backend.store(staged, requireKey(key));
    } catch (error) {
      throw storageError(error);
    }
    await this.abort(staged);
  }

  async abort({ path }: StoredFile): Promise<void> {
    await rm(dirname(path), { recursive: true, force: true });
  }

  async download(key: string, path: string, { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal }): Promise<void> {
    if (!(await this.exists(key))) throw new FileMissingError('the file does not exist in the storage');
    const disk = await this.#backend.disk();
    await pipeline(
      await disk.getStream(key),
      new HashingSizeLimit(maxBytes),
      createWriteStream(path, { mode: 0o600 }),
      signal ? { signal } : {},
    );
  }

  async withLocalFile<T>(
    key: string,
    limits: { maxBytes: number; signal?: AbortSignal },
    use: (path: string) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(join(this.#temporary, LOCAL_COPY));
    try {
      const path = join(folder, FILE);
      await this.download(key, path, limits);
      return await use(path);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async exists(key: string): Promise<boolean> {
    return (await this.#backend.disk()).exists(requireKey(key));
  }

  async remove(key: string): Promise<void> {
    await (await this.#backend.disk()).delete(requireKey(key));
  }

  async purgeStale(olderThanMs: number): Promise<number> {
    return (
      (await purgeStaleUploads(this.#backend.incoming, '', olderThanMs)) +
      (await purgeStaleUploads(this.#temporary, LOCAL_COPY, olderThanMs))
    );
  }

  async check(): Promise<void> {
    await this.#backend.check();
    await checkWritable(this.#backend.incoming, this.#minFreeBytes);
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}

function localBackend(folder: string): StorageBackend {
  const incoming = join(folder, 'incoming');
  let disk: Promise<Disk> | undefined;
  const open = async () => {
    const [{ Disk: OpenDisk }, { FSDriver }] = await Promise.all([import('flydrive'), import('flydrive/drivers/fs')]);
    return new OpenDisk(new FSDriver({ location: folder, visibility: 'private' }));
  };
  return {
    incoming,
    disk: () => {
      disk ??= open();
      return disk;
    },
    // Renamed because flydrive copies: a process that dies while it copies would leave a partial file under the key.
    async store({ path }, key) {
      const target = join(folder, key);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await rename(path, target);
    },
    check: async () => {},
    close: async () => {},
  };
}

async function openS3(
  options: S3Options,
): Promise<{ disk: Disk; probe(): Promise<void>; close(): void; store(staged: StoredFile, key: string): Promise<void> }> {
  return (await import('./s3.ts')).openS3(options);
}

function s3Backend(options: S3Options, temporary: string): StorageBackend {
  let opened: ReturnType<typeof openS3> | undefined;
  const open = () => {
    opened ??= openS3(options);
    return opened;
  };
  return {
    incoming: join(temporary, 'agentbase-incoming'),
    disk: async () => (await open()).disk,
    store: async (staged, key) => (await open()).store(staged, key),
    check: async () => (await open()).probe(),
    close: async () => (await opened)?.close(),
  };
}

/**
 * @param options.minFreeBytes space below which `check` rejects. @default none
 * @param temporary the folder of temporary files. Only tests pass it.
 */
export function createStorage(
  { minFreeBytes = 0, ...options }: StorageOptions & { minFreeBytes?: number },
  temporary = tmpdir(),
): Storage {
  const backend = options.kind === 'local' ? localBackend(options.folder) : s3Backend(options, temporary);
  return new BackendStorage(backend, temporary, minFreeBytes);
}
