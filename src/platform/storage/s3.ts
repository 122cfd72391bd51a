import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Disk } from 'flydrive';
import { S3Driver } from 'flydrive/drivers/s3';
import { UnavailableError } from '../lib/errors.ts';
import type { StoredFile } from './uploads.ts';

export interface S3Options {
  kind: 's3';
  bucket: string;
  region: string;
  endpoint?: string;
  accessKeyId?: string;
  secretAccessKey?: string;
  /** Whether the bucket is part of the path instead of the host name. */
  forcePathStyle?: boolean;
  /** A prefix of every key. */
  prefix?: string;
  /** The longest time without data on a connection, in milliseconds. @default 60,000 */
  silenceMs?: number;
}

const CONNECT_MS = 5_000;
const SILENCE_MS = 60_000;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 200;

/** Adds a prefix to every key, which flydrive does not support. */
class PrefixedDriver extends S3Driver {
  readonly #prefix: string;

  constructor(options: ConstructorParameters<typeof S3Driver>[0], prefix: string) {
    super(options);
    this.#prefix = prefix;
  }

  override exists(key: string) {
    return super.exists(this.#prefix + key);
  }

  override getStream(key: string) {
    return super.getStream(this.#prefix + key);
  }

  override delete(key: string) {
    return super.delete(this.#prefix + key);
  }

  override putStream(...[key, contents, options]: Parameters<S3Driver['putStream']>) {
    return super.putStream(this.#prefix + key, contents, options);
  }
}

/** Whether a retry can succeed: the error comes from the network or the storage, not from the request. */
function isTransient(error: unknown): boolean {
  // flydrive wraps the error of the client.
  const { $metadata } = ((error as Error).cause ?? {}) as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return status === undefined || status === 408 || status === 429 || status >= 500;
}

/** Uploads a file with retries: the client does not retry a request whose body is a stream. */
async function putFile(disk: Disk, { path, sizeBytes }: StoredFile, key: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const stream = createReadStream(path);
    try {
      await disk.putStream(key, stream, { contentLength: sizeBytes, contentType: 'application/octet-stream' });
      return;
    } catch (error) {
      if (attempt === ATTEMPTS && isTransient(error)) {
        throw new UnavailableError('The file storage of the server cannot be reached. Nothing was stored. Retry later.', {
          cause: error,
        });
      }
      if (!isTransient(error)) throw error;
      await delay(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    } finally {
      stream.destroy();
    }
  }
}

/** Opens an S3-compatible storage. Objects are private and uploaded with one PUT, as their size is known. */
export async function openS3(options: S3Options) {
  const { bucket, region, endpoint, accessKeyId, secretAccessKey, forcePathStyle, prefix = '' } = options;
  const { silenceMs = SILENCE_MS } = options;
  const client = new S3Client({
    region,
    maxAttempts: ATTEMPTS,
    // Not every S3-compatible storage supports the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Limits idle time, not the whole request: large files take longer.
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: silenceMs },
    ...(endpoint ? { endpoint } : {}),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
  });
  const disk = new Disk(new PrefixedDriver({ client, bucket, visibility: 'private', supportsACL: false }, prefix));
  return {
    disk,
    store: (staged: StoredFile, key: string) => putFile(disk, staged, key),
    async probe() {
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
    },
    close: () => client.destroy(),
  };
}
