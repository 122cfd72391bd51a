import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Disk } from 'flydrive';
import { isUuid } from '../lib/ids.ts';
import type { S3Options } from './s3.ts';
import { FILE, fromWeb, HashingSizeLimit, purgeStaleUploads, type StoredFile } from './uploads.ts';

export { TooLargeError } from './uploads.ts';

/** The object is not there. */
export class FileMissingError extends Error {}

/** Where the bytes of documents are. Keys are made by `storageKey` alone. */
export interface Storage {
  /**
   * Takes a file as it comes, in little memory whatever its size. What is too large, is aborted or fails leaves nothing behind.
   * Throws TooLargeError.
   */
  stage(source: Readable | ReadableStream<Uint8Array>, limits: { maxBytes: number; signal?: AbortSignal }): Promise<StoredFile>;
  /** Moves a received file to its place. One that is there already has the same bytes and stays. Safe to repeat. */
  commit(received: StoredFile, key: string): Promise<void>;
  /** Throws a received file away. */
  abort(received: StoredFile): Promise<void>;
  /** Copies an object to a file of this machine. Throws FileMissingError and TooLargeError. */
  download(key: string, path: string, limits: { maxBytes: number; signal?: AbortSignal }): Promise<void>;
  /** Lends a copy of an object to `use`, and takes it away afterwards. Throws what `download` throws, and what `use` does. */
  withLocalFile<T>(
    key: string,
    limits: { maxBytes: number; signal?: AbortSignal },
    use: (path: string) => Promise<T>,
  ): Promise<T>;
  exists(key: string): Promise<boolean>;
  /** Removes an object. One that is not there is fine. */
  remove(key: string): Promise<void>;
  /** Removes received and lent files that a process left behind when it died. Returns how many. */
  purgeStale(olderThanMs: number): Promise<number>;
  /** Rejects when it cannot be reached. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export type StorageOptions = { kind: 'local'; folder: string } | S3Options;

/** The place of a document's bytes. Each part is checked, so that no key leads anywhere else. */
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
  if (!isUuid(tenantId) || !isUuid(ownerId) || !/^[0-9a-f]{64}$/.test(contentHash)) throw new Error('these make no storage key');
  return `${tenantId}/${ownerId}/${contentHash}`;
}

const KEY = /^[0-9a-f-]{36}\/[0-9a-f-]{36}\/[0-9a-f]{64}$/;

function requireKey(key: string): string {
  if (!KEY.test(key)) throw new Error('this is no storage key');
  return key;
}

/** What the two kinds of storage do in their own ways. */
export interface StorageBackend {
  /** flydrive's disk, made at the first use: its S3 driver is large. */
  disk(): Promise<Disk>;
  /** Where files wait before they are kept. */
  incoming: string;
  /** Makes a received file an object, all of it or nothing. */
  store(received: StoredFile, key: string): Promise<void>;
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Straight in the temporary folder, where nobody can put anything else in the place of what is somebody's. */
const LENT = 'agentbase-lent-';

class BackendStorage implements Storage {
  readonly #backend: StorageBackend;

  readonly #temporary: string;

  constructor(place: StorageBackend, temporary: string) {
    this.#backend = place;
    this.#temporary = temporary;
  }

  async stage(
    source: Readable | ReadableStream<Uint8Array>,
    { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal },
  ): Promise<StoredFile> {
    const stream = source instanceof Readable ? source : fromWeb(source);
    // Whoever sends may be gone before the file is open. The pipeline tells that too; until then an error nobody hears ends the process.
    stream.on('error', () => {});
    const folder = await this.#newFolder().catch((error: unknown) => {
      stream.destroy();
      throw error;
    });
    const path = join(folder, FILE);
    const gauge = new HashingSizeLimit(maxBytes);
    try {
      await pipeline(stream, gauge, createWriteStream(path, { mode: 0o600 }), signal ? { signal } : {});
      return { path, sizeBytes: gauge.sizeBytes, contentHash: gauge.digest() };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async #newFolder(): Promise<string> {
    const { incoming } = this.#backend;
    // Each time: temporary folders are tidied by others too.
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    return mkdtemp(join(incoming, 'file-'));
  }

  async commit(received: StoredFile, key: string): Promise<void> {
    if (!(await this.exists(key))) await this.#backend.store(received, requireKey(key));
    await this.abort(received);
  }

  async abort({ path }: StoredFile): Promise<void> {
    await rm(dirname(path), { recursive: true, force: true });
  }

  async download(key: string, path: string, { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal }): Promise<void> {
    if (!(await this.exists(key))) throw new FileMissingError('the file is not in the storage');
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
    const folder = await mkdtemp(join(this.#temporary, LENT));
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
      (await purgeStaleUploads(this.#temporary, LENT, olderThanMs))
    );
  }

  check(): Promise<void> {
    return this.#backend.check();
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
    // flydrive would copy, and a process that dies halfway would leave half a file where a whole one is expected.
    async store({ path }, key) {
      const target = join(folder, key);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await rename(path, target);
    },
    async check() {
      await mkdir(incoming, { recursive: true, mode: 0o700 });
      await rm(await mkdtemp(join(incoming, 'check-')), { recursive: true });
    },
    close: async () => {},
  };
}

async function openS3(
  options: S3Options,
): Promise<{ disk: Disk; probe(): Promise<void>; close(): void; store(received: StoredFile, key: string): Promise<void> }> {
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
    store: async (received, key) => (await open()).store(received, key),
    check: async () => (await open()).probe(),
    close: async () => (await opened)?.close(),
  };
}

/** @param temporary where files are for a while. The system's own folder in all but tests. */
export function createStorage(options: StorageOptions, temporary = tmpdir()): Storage {
  return new BackendStorage(options.kind === 'local' ? localBackend(options.folder) : s3Backend(options, temporary), temporary);
}
