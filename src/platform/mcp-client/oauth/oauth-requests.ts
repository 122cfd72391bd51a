import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpCallError } from '../errors.ts';
import { toFetchError } from '../map-errors.ts';
import { tapBody } from '../transports/tap-body.ts';

/** Limit per response body. Metadata and tokens are small. */
const MAX_BYTES = 256 * 1024;
/** Covers each possible metadata URL twice, plus the token request. */
const MAX_REQUESTS = 30;

/**
 * Sends the requests that acquire a token. The SDK treats many failed requests as missing metadata and continues;
 * this class records the first failure and rejects all later requests.
 */
export class OAuthRequests {
  failure: McpCallError | undefined;
  readonly #fetch: typeof fetch;
  readonly #signal: AbortSignal;
  #count = 0;

  /** @param signal aborts with a McpCallError as its reason */
  constructor(fetchIt: typeof fetch, signal: AbortSignal) {
    this.#fetch = fetchIt;
    this.#signal = signal;
  }

  readonly fetch: FetchLike = async (url, init = {}) => {
    if (this.failure) throw this.failure;
    if (++this.#count > MAX_REQUESTS)
      throw this.#fail(new McpCallError('PROTOCOL', `An access token requires more than ${MAX_REQUESTS} HTTP requests.`));
    const response = await this.#fetch(url, { ...init, signal: this.#signal }).catch((error: unknown) => {
      throw this.#fail(error);
    });
    let bytes = 0;
    return tapBody(
      response,
      (chunk) => {
        bytes += chunk.byteLength;
        if (bytes > MAX_BYTES)
          throw new McpCallError('TOO_LARGE', `A response of the authorization server exceeds ${MAX_BYTES} bytes.`);
      },
      (error) => {
        if (error !== undefined) this.#fail(error);
      },
    );
  };

  #fail(error: unknown): McpCallError {
    const { code, message }: McpCallError = this.#signal.aborted
      ? this.#signal.reason
      : toFetchError(error, 'authorization server');
    // Resets `mayHaveRun`: the MCP server does not execute a request without a token.
    this.failure ??= new McpCallError(code, message);
    return this.failure;
  }
}
