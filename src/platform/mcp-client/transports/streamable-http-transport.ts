import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { isJSONRPCRequest, isJSONRPCResponse, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from '../../lib/logger.ts';
import { McpCallError } from '../errors.ts';
import { FixedWindowCounter } from '../fixed-window-counter.ts';
import { type SentRequest, sendRequest, tooLarge } from './http-requests.ts';
import { failedAnswer, type MonitoredTransport } from './monitored-transport.ts';
import { cancelledBy, type PendingRequest, PendingRequests } from './pending-requests.ts';
import { SseSizeGuard } from './sse-size-guard.ts';
import { tapBody } from './tap-body.ts';

export interface HttpOptions {
  log: Logger;
  fetch: typeof fetch;
  maxMessageBytes: number;
}

/** For saying goodbye, which a server may take as long as it likes over. */
const SESSION_DELETE_MS = 2_000;
/** A server may tell us to come back at once, for ever. */
const MAX_STREAMS_PER_MINUTE = 60;

/**
 * The SDK's Streamable HTTP, with a fetch that sees what it asks and what comes back: it bounds what is read, notices a lost session, and
 * keeps account of the requests under way.
 */
export class StreamableHttpTransport implements MonitoredTransport {
  onFailure = (_: McpCallError) => {};
  onStale = () => {};
  readonly transport: StreamableHTTPClientTransport;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: HttpOptions;
  readonly #exchanges = new PendingRequests((id, error) => this.transport.onmessage?.(failedAnswer(id, error)));
  readonly #streams = new FixedWindowCounter(MAX_STREAMS_PER_MINUTE, 60_000);
  /** Reads along the stream on which the server speaks unasked. */
  #serverStream: SseSizeGuard | undefined;
  #sessionLost = false;
  #closing: Promise<void> | undefined;

  constructor(url: URL, headers: Readonly<Record<string, string>>, options: HttpOptions) {
    this.#url = url;
    this.#headers = headers;
    this.#options = options;
    const transport = new StreamableHTTPClientTransport(url, {
      requestInit: { headers },
      fetch: (address, init = {}) => (init.method === 'POST' ? this.#post : this.#listen)({ url: address, init }),
    });
    transport.onmessage = (message) => {
      if (isJSONRPCResponse(message) && message.id !== undefined) this.#exchanges.answered(message.id);
    };
    this.transport = transport;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { sessionId, protocolVersion } = this.transport;
    this.#exchanges.close();
    await this.transport.close();
    if (!sessionId || this.#sessionLost) return;
    // By ourselves: the SDK's own way is cut off by the closing that frees who waits.
    const headers = {
      ...this.#headers,
      'mcp-session-id': sessionId,
      ...(protocolVersion ? { 'mcp-protocol-version': protocolVersion } : {}),
    };
    const goodbye = { url: this.#url, init: { method: 'DELETE', headers, redirect: 'manual' as const } };
    await sendRequest(this.#options.fetch, goodbye, AbortSignal.timeout(SESSION_DELETE_MS)).then(
      (response) => response.body?.cancel(),
      // Servers need not know how to end a session.
      (err: unknown) => this.#options.log.debug({ err }, 'an MCP session was not ended'),
    );
  }

  readonly #post = async (asked: SentRequest): Promise<Response> => {
    const message = JSON.parse(String(asked.init.body)) as JSONRPCMessage;
    if (!isJSONRPCRequest(message)) {
      const cancelled = cancelledBy(message);
      if (cancelled !== undefined) this.#exchanges.abandon(cancelled);
      return this.#ask(asked);
    }
    const exchange = this.#exchanges.begin(message.id);
    try {
      const response = await this.#ask(asked, exchange.abort.signal);
      if (response.ok) return this.#answer(response, exchange);
      // A redirect is followed with a request of its own.
      this.#exchanges.abandon(message.id);
      return response;
    } catch (error) {
      this.#exchanges.abandon(message.id);
      throw error;
    }
  };

  /** A GET: the stream on which the server speaks unasked, or the rest of one that broke. */
  readonly #listen = async (asked: SentRequest): Promise<Response> => {
    const after = new Headers(asked.init.headers).get('last-event-id') ?? undefined;
    const exchange = after === undefined ? undefined : this.#exchanges.brokenAfter(after);
    const forNobody = after !== undefined && !exchange && after !== this.#serverStream?.lastEventId;
    // To the SDK this is a server that has no such stream.
    if (forNobody || this.#streams.add()) return new Response(null, { status: 405 });
    const { signal } = exchange?.abort ?? new AbortController();
    if (exchange) {
      const response = await this.#ask(asked, signal).catch((error: unknown) => {
        this.#exchanges.notResumed(exchange);
        throw error;
      });
      if (!response.ok) this.#exchanges.notResumed(exchange);
      else this.#exchanges.resumed(exchange);
      return response.ok ? this.#answer(response, exchange) : response;
    }
    // Many servers have no such stream, and say so in many ways. From one that had it, it tells that the session is gone.
    const response = await sendRequest(this.#options.fetch, asked, signal).catch((error: unknown) => {
      if (this.#serverStream) this.#stale(error);
      throw error;
    });
    if (!response.ok) return response;
    this.#serverStream = new SseSizeGuard(this.#options.maxMessageBytes);
    return this.#watch(response, this.#serverStream, (error) => {
      if (error instanceof McpCallError) this.onFailure(error);
    });
  };

  async #ask(asked: SentRequest, signal?: AbortSignal): Promise<Response> {
    try {
      return await sendRequest(this.#options.fetch, asked, signal);
    } catch (error) {
      this.#stale(error);
      throw error;
    }
  }

  /** After a failure the session may be gone, or another process answers: a new one costs one request more. */
  #stale(error: unknown): void {
    if (!(error instanceof McpCallError) || error.code === 'BUSY') return;
    if (error.code === 'CRASHED') this.#sessionLost = true;
    this.onStale();
  }

  #answer(response: Response, exchange: PendingRequest): Response {
    const { maxMessageBytes } = this.#options;
    const isStream = response.headers.get('content-type')?.toLowerCase().startsWith('text/event-stream');
    const events = isStream ? new SseSizeGuard(maxMessageBytes) : undefined;
    return this.#watch(response, events, (error) => {
      if (error instanceof McpCallError) this.#exchanges.failed(exchange.id, error);
      exchange.lastEventId = events?.lastEventId ?? exchange.lastEventId;
      this.#exchanges.streamEnded(exchange);
    });
  }

  #watch(response: Response, events: SseSizeGuard | undefined, ended: (error?: unknown) => void): Response {
    const { maxMessageBytes } = this.#options;
    let bytes = 0;
    return tapBody(
      response,
      (chunk) => {
        bytes += chunk.byteLength;
        if (events ? !events.read(chunk) : bytes > maxMessageBytes) throw tooLarge(maxMessageBytes);
      },
      ended,
    );
  }
}
