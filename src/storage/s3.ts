import { createReadStream } from 'node:fs';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Disk } from 'flydrive';
import { S3Driver } from 'flydrive/drivers/s3';
import type { S3Options, StoredFile } from './storage.ts';

const CONNECT_MS = 5_000;
const REQUEST_MS = 60_000;

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

/** Any S3-compatible storage. Objects are private, and put whole: their size is known by then. */
export async function openS3({ bucket, region, endpoint, accessKeyId, secretAccessKey, forcePathStyle, prefix = '' }: S3Options) {
  const client = new S3Client({
    region,
    maxAttempts: 4,
    // Others than AWS do not all know the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: REQUEST_MS },
    ...(endpoint ? { endpoint } : {}),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
  });
  const disk = new Disk(new PrefixedDriver({ client, bucket, visibility: 'private', supportsACL: false }, prefix));
  return {
    disk,
    store: ({ path, sizeBytes }: StoredFile, key: string) =>
      disk.putStream(key, createReadStream(path), { contentLength: sizeBytes, contentType: 'application/octet-stream' }),
    async probe() {
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
    },
    close: () => client.destroy(),
  };
}
