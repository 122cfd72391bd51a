import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { isJSONRPCRequest, isJSONRPCResponse, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { McpCallError } from '../errors.ts';
import { type SentRequest, sendRequest, tooLarge } from './http-requests.ts';
import { failedAnswer, type MonitoredTransport } from './monitored-transport.ts';
import { cancelledBy, PARSER_LAG_MS, PendingRequests } from './pending-requests.ts';
import { SseSizeGuard } from './sse-size-guard.ts';
import type { HttpOptions } from './streamable-http-transport.ts';
import { tapBody } from './tap-body.ts';

/** Wraps the SDK's SSE transport (first protocol version): one stream carries all server messages. */
export class SseTransport implements MonitoredTransport {
  onFailure = (_: McpCallError) => {};
  onStale = () => {};
  readonly transport: SSEClientTransport;
  readonly #options: HttpOptions;
  readonly #exchanges = new PendingRequests((id, error) => this.transport.onmessage?.(failedAnswer(id, error)));
  readonly #closed = new AbortController();
  #opened = false;

  constructor(url: URL, headers: Readonly<Record<string, string>>, options: HttpOptions) {
    this.#options = options;
    const transport = new SSEClientTransport(url, {
      requestInit: { headers },
      fetch: (address, init = {}) => (init.method === 'POST' ? this.#post : this.#listen)({ url: address, init }),
    });
    transport.onmessage = (message) => {
      if (isJSONRPCResponse(message) && message.id !== undefined) this.#exchanges.answered(message.id);
    };
    this.transport = transport;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#exchanges.close();
    await this.transport.close();
  }

  readonly #post = async (request: SentRequest): Promise<Response> => {
    const message = JSON.parse(String(request.init.body)) as JSONRPCMessage;
    const cancelled = cancelledBy(message);
    if (cancelled !== undefined) this.#exchanges.abandon(cancelled);
    try {
      const signal = isJSONRPCRequest(message) ? this.#exchanges.begin(message.id).abort.signal : undefined;
      return await sendRequest(this.#options.fetch, request, signal);
    } catch (error) {
      if (isJSONRPCRequest(message)) this.#exchanges.abandon(message.id);
      this.onStale();
      throw error;
    }
  };

  readonly #listen = async (request: SentRequest): Promise<Response> => {
    // The SDK would reconnect, and the server would treat the new stream as another client.
    if (this.#opened) throw this.#lost();
    const { maxMessageBytes } = this.#options;
    const response = await sendRequest(this.#options.fetch, request, this.#closed.signal).catch((error: unknown) => {
      if (error instanceof McpCallError) this.onFailure(error);
      throw error;
    });
    if (!response.ok) return response;
    this.#opened = true;
    const events = new SseSizeGuard(maxMessageBytes);
    return tapBody(
      response,
      (chunk) => {
        if (!events.read(chunk)) throw tooLarge(maxMessageBytes);
      },
      (error) => {
        if (error instanceof McpCallError) this.onFailure(error);
        else setTimeout(() => this.onFailure(this.#lost()), PARSER_LAG_MS).unref();
      },
    );
  };

  #lost(): McpCallError {
    return new McpCallError('CRASHED', 'The connection to the MCP server was lost.');
  }
}
