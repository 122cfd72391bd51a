import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { isJSONRPCRequest, isJSONRPCResponse, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type Channel, failedAnswer } from './channel.ts';
import { McpCallError } from './errors.ts';
import { EventWatch } from './event-watch.ts';
import { cancelledBy, HttpExchanges, PARSER_LAG_MS } from './http-exchanges.ts';
import { type Asked, ask, tooLarge } from './http-requests.ts';
import type { HttpOptions } from './streamable-channel.ts';
import { watchBody } from './watch-body.ts';

/** The SDK's transport of the protocol's first version: everything the server says comes on one stream, and ends with it. */
export class SseChannel implements Channel {
  onFailure = (_: McpCallError) => {};
  onStale = () => {};
  readonly transport: SSEClientTransport;
  readonly #options: HttpOptions;
  readonly #exchanges = new HttpExchanges((id, error) => this.transport.onmessage?.(failedAnswer(id, error)));
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

  readonly #post = async (asked: Asked): Promise<Response> => {
    const message = JSON.parse(String(asked.init.body)) as JSONRPCMessage;
    const cancelled = cancelledBy(message);
    if (cancelled !== undefined) this.#exchanges.givenUp(cancelled);
    try {
      const signal = isJSONRPCRequest(message) ? this.#exchanges.begin(message.id).abort.signal : undefined;
      return await ask(this.#options.fetch, asked, signal);
    } catch (error) {
      if (isJSONRPCRequest(message)) this.#exchanges.givenUp(message.id);
      this.onStale();
      throw error;
    }
  };

  readonly #listen = async (asked: Asked): Promise<Response> => {
    // The SDK would open another by itself, which the server takes for another client.
    if (this.#opened) throw this.#lost();
    const { maxMessageBytes } = this.#options;
    const response = await ask(this.#options.fetch, asked, this.#closed.signal).catch((error: unknown) => {
      if (error instanceof McpCallError) this.onFailure(error);
      throw error;
    });
    if (!response.ok) return response;
    this.#opened = true;
    const events = new EventWatch(maxMessageBytes);
    return watchBody(
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
    return new McpCallError('CRASHED', 'The connection to the MCP server broke.');
  }
}
