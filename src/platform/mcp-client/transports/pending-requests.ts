import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { McpCallError } from '../errors.ts';

/** Time to resume a broken resumable stream. The SDK retries after one second or after the server's retry delay. */
const AWAY_MS = 15_000;
/** Matches the SDK's retry limit. */
const MAX_FAILED_RESUMES = 2;
/** Allows for the SDK's parser, which lags a few turns behind our body tap. */
export const PARSER_LAG_MS = 100;
/** Time a response stream may stay open after the response. */
const LINGER_MS = 1_000;

/** A pending request and its response stream. */
export interface PendingRequest {
  readonly id: RequestId;
  readonly abort: AbortController;
  /** True while a response stream is open. */
  open: boolean;
  /** Allows the SDK to resume the stream after a break. */
  lastEventId: string | undefined;
  failedResumes: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Tracks pending Streamable HTTP requests. The SDK never rejects a request whose stream ends without a response, and never
 * closes the stream of an aborted request. This class fails the first request at once and closes the stream of the second.
 */
export class PendingRequests {
  readonly #waiting = new Map<RequestId, PendingRequest>();
  readonly #fail: (id: RequestId, error: McpCallError) => void;

  /** @param fail completes a request with an error response */
  constructor(fail: (id: RequestId, error: McpCallError) => void) {
    this.#fail = fail;
  }

  begin(id: RequestId): PendingRequest {
    const exchange: PendingRequest = {
      id,
      abort: new AbortController(),
      open: true,
      lastEventId: undefined,
      failedResumes: 0,
      timer: undefined,
    };
    this.#waiting.set(id, exchange);
    return exchange;
  }

  answered(id: RequestId): void {
    const exchange = this.#take(id);
    if (exchange?.open) exchange.timer = setTimeout(() => exchange.abort.abort(), LINGER_MS).unref();
  }

  abandon(id: RequestId): void {
    this.#take(id)?.abort.abort();
  }

  failed(id: RequestId, error: McpCallError): void {
    if (!this.#waiting.has(id)) return;
    this.abandon(id);
    this.#fail(id, error);
  }

  streamEnded(exchange: PendingRequest): void {
    exchange.open = false;
    clearTimeout(exchange.timer);
    if (this.#waiting.get(exchange.id) !== exchange) return;
    const wait = exchange.lastEventId === undefined ? PARSER_LAG_MS : AWAY_MS;
    exchange.timer = setTimeout(() => this.#lost(exchange), wait);
  }

  /** Returns the request whose stream broke after this event. */
  brokenAfter(eventId: string): PendingRequest | undefined {
    return [...this.#waiting.values()].find((exchange) => !exchange.open && exchange.lastEventId === eventId);
  }

  resumed(exchange: PendingRequest): void {
    clearTimeout(exchange.timer);
    exchange.open = true;
    exchange.failedResumes = 0;
  }

  notResumed(exchange: PendingRequest): void {
    if (++exchange.failedResumes >= MAX_FAILED_RESUMES) this.#lost(exchange);
  }

  close(): void {
    for (const id of [...this.#waiting.keys()]) this.abandon(id);
  }

  #lost({ id }: PendingRequest): void {
    const message = 'The connection to the MCP server was lost before the response.';
    this.failed(id, new McpCallError('CRASHED', message, { mayHaveRun: true }));
  }

  #take(id: RequestId): PendingRequest | undefined {
    const exchange = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(exchange?.timer);
    return exchange;
  }
}

/** Returns the id of the request that a message cancels. */
export function cancelledBy(message: JSONRPCMessage): RequestId | undefined {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined;
  return message.params?.requestId as RequestId | undefined;
}
