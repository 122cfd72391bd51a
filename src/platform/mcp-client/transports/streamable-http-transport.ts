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

/** Limit for the session DELETE, because a server may delay its response indefinitely. */
const SESSION_DELETE_MS = 2_000;
/** Limits reconnects, because a server may request an immediate retry forever. */
const MAX_STREAMS_PER_MINUTE = 60;

/**
 * Wraps the SDK's Streamable HTTP transport with a fetch that limits response sizes, detects a lost session and
 * tracks pending requests.
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
  /** Tracks the stream for server-initiated messages. */
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
    // Sends DELETE directly, because closing the SDK's transport aborts the SDK's own DELETE.
    const headers = {
      ...this.#headers,
      'mcp-session-id': sessionId,
      ...(protocolVersion ? { 'mcp-protocol-version': protocolVersion } : {}),
    };
    const deletion = { url: this.#url, init: { method: 'DELETE', headers, redirect: 'manual' as const } };
    await sendRequest(this.#options.fetch, deletion, AbortSignal.timeout(SESSION_DELETE_MS)).then(
      (response) => response.body?.cancel(),
      // Servers may not support session DELETE.
      (err: unknown) => this.#options.log.debug({ err }, 'end of an MCP session failed'),
    );
  }

  readonly #post = async (request: SentRequest): Promise<Response> => {
    const message = JSON.parse(String(request.init.body)) as JSONRPCMessage;
    if (!isJSONRPCRequest(message)) {
      const cancelled = cancelledBy(message);
      if (cancelled !== undefined) this.#exchanges.abandon(cancelled);
      return this.#send(request);
    }
    const exchange = this.#exchanges.begin(message.id);
    try {
      const response = await this.#send(request, exchange.abort.signal);
      if (response.ok) return this.#answer(response, exchange);
      // The SDK follows a redirect with a separate request.
      this.#exchanges.abandon(message.id);
      return response;
    } catch (error) {
      this.#exchanges.abandon(message.id);
      throw error;
    }
  };

  /** Handles a GET: opens the stream for server-initiated messages or resumes a broken stream. */
  readonly #listen = async (request: SentRequest): Promise<Response> => {
    const after = new Headers(request.init.headers).get('last-event-id') ?? undefined;
    const exchange = after === undefined ? undefined : this.#exchanges.brokenAfter(after);
    const unknownStream = after !== undefined && !exchange && after !== this.#serverStream?.lastEventId;
    // A 405 makes the SDK treat the server as one without this stream.
    if (unknownStream || this.#streams.add()) return new Response(null, { status: 405 });
    const { signal } = exchange?.abort ?? new AbortController();
    if (exchange) {
      const response = await this.#send(request, signal).catch((error: unknown) => {
        this.#exchanges.notResumed(exchange);
        throw error;
      });
      if (!response.ok) this.#exchanges.notResumed(exchange);
      else this.#exchanges.resumed(exchange);
      return response.ok ? this.#answer(response, exchange) : response;
    }
    // Many servers lack this stream and report that in different ways. If the server had the stream before, an error
    // means that the session is gone.
    const response = await sendRequest(this.#options.fetch, request, signal).catch((error: unknown) => {
      if (this.#serverStream) this.#stale(error);
      throw error;
    });
    if (!response.ok) return response;
    this.#serverStream = new SseSizeGuard(this.#options.maxMessageBytes);
    return this.#watch(response, this.#serverStream, (error) => {
      if (error instanceof McpCallError) this.onFailure(error);
    });
  };

  async #send(request: SentRequest, signal?: AbortSignal): Promise<Response> {
    try {
      return await sendRequest(this.#options.fetch, request, signal);
    } catch (error) {
      this.#stale(error);
      throw error;
    }
  }

  /** After a failure the session may be gone or another process may respond. A new session costs one extra request. */
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
