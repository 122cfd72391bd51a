import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

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
