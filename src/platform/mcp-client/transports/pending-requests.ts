import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { McpCallError } from '../errors.ts';

/** How long a broken stream may stay away that the server lets us take up again. The SDK tries after a second, or when the server says. */
const AWAY_MS = 15_000;
/** As often as the SDK tries. */
const MAX_FAILED_RESUMES = 2;
/** The SDK's parser is a few turns behind our reading along. */
export const PARSER_LAG_MS = 100;
/** How long the stream of an answer may stay open after the answer. */
const LINGER_MS = 1_000;

/** A request that waits for its answer, and the stream the answer may come on. */
export interface PendingRequest {
  readonly id: RequestId;
  readonly abort: AbortController;
  /** Whether a stream is open for it. */
  open: boolean;
  /** With it the stream can be taken up where it broke. */
  lastEventId: string | undefined;
  failedResumes: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The requests under way over Streamable HTTP. The SDK leaves one waiting whose stream ended without an answer, and leaves a stream open
 * whose request was given up. Here the one fails at once and the other is closed.
 */
export class PendingRequests {
  readonly #waiting = new Map<RequestId, PendingRequest>();
  readonly #fail: (id: RequestId, error: McpCallError) => void;

  /** @param fail gives a request an error for an answer */
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

  /** The request whose stream broke after this event. */
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
    const message = 'The connection to the MCP server broke before the answer came.';
    this.failed(id, new McpCallError('CRASHED', message, { mayHaveRun: true }));
  }

  #take(id: RequestId): PendingRequest | undefined {
    const exchange = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(exchange?.timer);
    return exchange;
  }
}

/** Which request a message takes back. */
export function cancelledBy(message: JSONRPCMessage): RequestId | undefined {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined;
  return message.params?.requestId as RequestId | undefined;
}
