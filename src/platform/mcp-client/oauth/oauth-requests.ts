import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpCallError } from '../errors.ts';
import { toFetchError } from '../map-errors.ts';
import { tapBody } from '../transports/tap-body.ts';

/** Metadata and tokens are small. */
const MAX_BYTES = 256 * 1024;
/** The places metadata may be at, each asked twice, and the token. */
const MAX_REQUESTS = 30;

/** What is asked on the way to a token. The SDK takes much that fails for "there is none" and goes on; here it ends the way. */
export class OAuthRequests {
  failure: McpCallError | undefined;
  readonly #fetch: typeof fetch;
  readonly #signal: AbortSignal;
  #count = 0;

  /** @param signal its reason is a McpCallError */
  constructor(fetchIt: typeof fetch, signal: AbortSignal) {
    this.#fetch = fetchIt;
    this.#signal = signal;
  }

  readonly fetch: FetchLike = async (url, init = {}) => {
    if (this.failure) throw this.failure;
    if (++this.#count > MAX_REQUESTS) throw this.#fail(new McpCallError('PROTOCOL', 'The way to an access token has no end.'));
    const response = await this.#fetch(url, { ...init, signal: this.#signal }).catch((error: unknown) => {
      throw this.#fail(error);
    });
    let bytes = 0;
    return tapBody(
      response,
      (chunk) => {
        bytes += chunk.byteLength;
        if (bytes > MAX_BYTES) throw new McpCallError('TOO_LARGE', `The authorization server sent more than ${MAX_BYTES} bytes.`);
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
    // Whatever was asked of the MCP server, it was not done without a token.
    this.failure ??= new McpCallError(code, message);
    return this.failure;
  }
}
