import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { S3Options } from '../../../src/platform/storage/s3.ts';
import { createStorage, type Storage, storageKey } from '../../../src/platform/storage/storage.ts';
import type { StoredFile } from '../../../src/platform/storage/uploads.ts';
import { type S3Server, startS3Server } from '../../testkit/s3-server.ts';
import { OWNER, TENANT } from './ids.ts';

const ACCESS_KEY_ID = 'key-of-the-tests';

/** A separate storage, with access to its files. */
export interface TestBackend {
  storage: Storage;
  /** Creates a temporary folder, removed after the test. */
  folder: string;
  /** The staged files. */
  waiting(): string[];
  close(): Promise<void>;
}

export interface S3Backend extends TestBackend {
  server: S3Server;
  options: S3Options;
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'agentbase-storage-'));
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

export async function localBackend(): Promise<TestBackend> {
  const folder = newFolder();
  const storage = createStorage({ kind: 'local', folder: join(folder, 'files') }, folder);
  return {
    storage,
    folder,
    waiting: () => namesIn(join(folder, 'files', 'incoming')),
    async close() {
      await storage.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export async function s3Backend(): Promise<S3Backend> {
  const folder = newFolder();
  const server = await startS3Server({ bucket: 'files', accessKeyId: ACCESS_KEY_ID });
  const options: S3Options = {
    kind: 's3',
    bucket: 'files',
    region: 'eu-central-1',
    endpoint: server.endpoint,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: 'a secret for tests alone',
    forcePathStyle: true,
    prefix: 'agentbase/',
    silenceMs: 500,
  };
  const storage = createStorage(options, folder);
  return {
    storage,
    folder,
    server,
    options,
    waiting: () => namesIn(join(folder, 'agentbase-incoming')),
    async close() {
      await storage.close();
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export function receiveText(storage: Storage, text: string): Promise<StoredFile> {
  return storage.stage(Readable.from([Buffer.from(text)]), { maxBytes: 10_000_000 });
}

export function keyOf({ contentHash }: StoredFile): string {
  return storageKey({ tenantId: TENANT, ownerId: OWNER, contentHash });
}

export async function keepText(storage: Storage, text: string): Promise<string> {
  const received = await receiveText(storage, text);
  await storage.commit(received, keyOf(received));
  return keyOf(received);
}
