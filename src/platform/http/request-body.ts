import type { IncomingMessage } from 'node:http';
import { RateLimitedError, UnavailableError } from '../lib/errors.ts';
import { HttpError } from './http-error.ts';
import { JsonScanner, parseScannedJson } from './json-body.ts';

/** Bytes past the limit that are read and discarded: a client that is disconnected while it sends receives no response. */
const PATIENCE_BYTES = 16_777_216;
/** How long to wait for the rest of a body that is too large, which would be discarded. */
const PATIENCE_MS = 1_000;
/** Bodies up to this size are not counted: their number is limited by the rate limits. */
const UNCOUNTED_BYTES = 65_536;

/** The rest of the body stays unread, so the connection cannot be reused. */
function tooLarge(maxBytes: number, hint: string): HttpError {
  const message = `The body of a request has at most ${maxBytes} bytes.${hint}`;
  return new HttpError(413, 'BODY_TOO_LARGE', message, { connection: 'close' });
}

/**
 * Bodies in memory: bounds them for the process, and for each sender, so that one sender leaves room for others. A body counts until the
 * response has ended.
 */
export class BodyBudget {
  readonly #maxBytes: number;
  readonly #maxBytesPerSender: number;
  readonly #bySender = new Map<string, number>();
  #total = 0;

  constructor(maxBytes: number, maxBytesPerSender: number) {
    this.#maxBytes = maxBytes;
    this.#maxBytesPerSender = maxBytesPerSender;
  }

  /** Counts bytes of a sender until the returned function is called. Throws RateLimitedError and UnavailableError. */
  take(sender: string, bytes: number): () => void {
    if (bytes <= UNCOUNTED_BYTES) return () => {};
    const own = (this.#bySender.get(sender) ?? 0) + bytes;
    if (own > this.#maxBytesPerSender) {
      throw new RateLimitedError('Too many large requests at once. Wait for responses before sending further ones.', 1);
    }
    if (this.#total + bytes > this.#maxBytes)
      throw new UnavailableError('The server is reading too many large requests. Try again in a moment.');
    this.#bySender.set(sender, own);
    this.#total += bytes;
    return () => {
      this.#total -= bytes;
      const left = (this.#bySender.get(sender) ?? bytes) - bytes;
      if (left > 0) this.#bySender.set(sender, left);
      else this.#bySender.delete(sender);
    };
  }
}

/** The declared size of the body, or the maximum where it declares none. */
export function declaredBytes({ headers }: IncomingMessage, maxBytes: number): number {
  const declared = headers['content-length'];
  if (declared !== undefined) return Math.min(Number(declared), maxBytes);
  return headers['transfer-encoding'] === undefined ? 0 : maxBytes;
}

/**
 * The whole body; undefined if the client disconnects. Throws an HttpError with status 413 for a larger one.
 * @param hint a sentence for the error
 * @param inspect reads the body while it arrives, and returns what is wrong with it: the HttpError then has status 400
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  { hint = '', inspect }: { hint?: string; inspect?: (chunk: Buffer) => string | undefined } = {},
): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(tooLarge(maxBytes, hint));
    if (Number(request.headers['content-length'] ?? 0) > maxBytes + PATIENCE_BYTES) {
      refuse();
      return;
    }
    let chunks: Buffer[] = [];
    let size = 0;
    let problem: string | undefined;
    let idle: NodeJS.Timeout | undefined;
    request.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      problem ??= size <= maxBytes ? inspect?.(chunk) : undefined;
      if (size <= maxBytes && problem === undefined) chunks.push(chunk);
      else chunks = [];
      if (size <= maxBytes) return;
      if (size > maxBytes + PATIENCE_BYTES) refuse();
      // The rest may never arrive.
      idle ??= setTimeout(refuse, PATIENCE_MS);
      idle.refresh();
    });
    request.once('end', () => {
      clearTimeout(idle);
      if (size > maxBytes) refuse();
      else if (problem !== undefined) reject(new HttpError(400, 'BAD_REQUEST', problem));
      else resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    });
    request.once('close', () => {
      clearTimeout(idle);
      resolve(undefined);
    });
    request.once('error', () => resolve(undefined));
  });
}

/** The value of a JSON body, read within the limits of `JsonScanner`. Undefined if the client disconnects. Throws HttpError. */
export async function readJsonBody(
  request: IncomingMessage,
  maxBytes: number,
  hint?: string,
): Promise<{ value: unknown } | undefined> {
  const scanner = new JsonScanner();
  const bytes = await readBody(request, maxBytes, { ...(hint ? { hint } : {}), inspect: (chunk) => scanner.push(chunk) });
  if (bytes === undefined) return undefined;
  const parsed = parseScannedJson(bytes);
  if ('problem' in parsed) throw new HttpError(400, 'BAD_REQUEST', parsed.problem);
  return parsed;
}
