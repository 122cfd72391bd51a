import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Disk } from 'flydrive';
import { S3Driver } from 'flydrive/drivers/s3';
import type { StoredFile } from './uploads.ts';

export interface S3Options {
  kind: 's3';
  bucket: string;
  region: string;
  endpoint?: string;
  accessKeyId?: string;
  secretAccessKey?: string;
  /** Whether the bucket is a part of the path. */
  forcePathStyle?: boolean;
  /** Put before every key. */
  prefix?: string;
  /** How long it may be silent, in milliseconds. @default 60,000 */
  silenceMs?: number;
}

const CONNECT_MS = 5_000;
const SILENCE_MS = 60_000;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 200;

/** flydrive has no prefix of its own. */
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

/** Whether another attempt may go better: the storage, or the way to it, is at fault. */
function isPassing(error: unknown): boolean {
  // flydrive wraps what the client said.
  const { $metadata } = ((error as Error).cause ?? {}) as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return status === undefined || status === 408 || status === 429 || status >= 500;
}

/** The client does not repeat what it reads from a stream. */
async function putFile(disk: Disk, { path, sizeBytes }: StoredFile, key: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const stream = createReadStream(path);
    try {
      await disk.putStream(key, stream, { contentLength: sizeBytes, contentType: 'application/octet-stream' });
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !isPassing(error)) throw error;
      await delay(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    } finally {
      stream.destroy();
    }
  }
}

/** Any S3-compatible storage. Objects are private, and put whole: their size is known by then. */
export async function openS3(options: S3Options) {
  const { bucket, region, endpoint, accessKeyId, secretAccessKey, forcePathStyle, prefix = '' } = options;
  const { silenceMs = SILENCE_MS } = options;
  const client = new S3Client({
    region,
    maxAttempts: ATTEMPTS,
    // Others than AWS do not all know the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Not of the whole request: large files take their time.
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: silenceMs },
    ...(endpoint ? { endpoint } : {}),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
  });
  const disk = new Disk(new PrefixedDriver({ client, bucket, visibility: 'private', supportsACL: false }, prefix));
  return {
    disk,
    store: (received: StoredFile, key: string) => putFile(disk, received, key),
    async probe() {
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
    },
    close: () => client.destroy(),
  };
}
