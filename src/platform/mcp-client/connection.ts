import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { AnySchema, SchemaOutput } from '@modelcontextprotocol/sdk/server/zod-compat.js';
import {
  type ClientRequest,
  type ElicitRequestFormParams,
  ElicitRequestSchema,
  type ElicitResult,
  isJSONRPCRequest,
  type Progress,
  type ServerCapabilities,
} from '@modelcontextprotocol/sdk/types.js';
import { raceAbort, withDeadline } from './deadline.ts';
import { type McpEndpoint, secretsOf } from './endpoint.ts';
import { McpCallError } from './errors.ts';
import { FixedWindowCounter } from './fixed-window-counter.ts';
import { reportsUnknownTool, toCallError, toolUnknown } from './map-errors.ts';
import { type McpServerInfo, serverInfoOf } from './server-info.ts';
import type { MonitoredTransport } from './transports/monitored-transport.ts';
import { openTransport, type TransportOptions } from './transports/open-transport.ts';

export interface ConnectionOptions extends TransportOptions {
  connectTimeoutMs: number;
  /** Answers a server's elicitation requests during a call. Without it, the client declares no elicitation capability. */
  elicit?: Elicit;
}

export type Elicit = (target: McpEndpoint, question: ElicitRequestFormParams, signal: AbortSignal) => Promise<ElicitResult>;

export interface RequestOptions {
  /** Aborts with a McpCallError as its reason. */
  signal: AbortSignal;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Name of the called tool, to detect an unknown tool. */
  tool?: string;
}

const CLIENT = { name: 'agentbase', version: '0.1.0' };
/** Disables the SDK's timeout, because each request's signal enforces the limit. */
const NO_TIMEOUT = 2 ** 31 - 1;
const WINDOW_MS = 10_000;
/** Limit for all server messages per window. */
const MAX_MESSAGES = 10_000;
/** Limit for server requests per window. Each requires a response from us. */
const MAX_REQUESTS = 500;

/** One connection to an MCP server, from creation to complete cleanup. */
export class Connection {
  /** Called once when the connection accepts no new calls. */
  onGone = () => {};
  /** Resolves after cleanup: no process and no socket remain. */
  readonly closed: Promise<void>;
  readonly target: McpEndpoint;
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  readonly #closing = Promise.withResolvers<void>();
  #channel: MonitoredTransport | undefined;
  #failure: McpCallError | undefined;
  #failed = Promise.withResolvers<never>();
  #gone = false;

  constructor(target: McpEndpoint, options: ConnectionOptions) {
    this.target = target;
    this.#options = options;
    this.#client = createClient(target, options.elicit);
    this.closed = this.#closing.promise;
    // Only `open` awaits this promise; this handles later rejections.
    this.#failed.promise.catch(() => {});
  }

  get #secrets(): string[] {
    return [...secretsOf(this.target), ...this.#options.authorizations.secretsOf(this.target.key)];
  }

  get gone(): boolean {
    return this.#gone;
  }

  get serverInfo(): McpServerInfo {
    return serverInfoOf(this.#client);
  }

  offers(capability: keyof ServerCapabilities): boolean {
    return this.#client.getServerCapabilities()?.[capability] !== undefined;
  }

  /** If the connection does not open, closes it and rejects with the reason. */
  async open(): Promise<void> {
    const { connectTimeoutMs: timeoutMs } = this.#options;
    const late = new McpCallError('TIMEOUT', `The MCP server did not complete the handshake within ${timeoutMs} ms.`);
    try {
      await withDeadline({ signal: undefined, timeoutMs, late }, (signal) =>
        raceAbort(Promise.race([this.#connect(signal), this.#failed.promise]), signal),
      );
    } catch (error) {
      const { code, message } = this.#failure ?? toCallError(error, this.#secrets);
      const reason = new McpCallError(code, message);
      void this.close(reason);
      throw reason;
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const channel = openTransport(this.target, this.#options);
    this.#channel = channel;
    channel.onFailure = (error) => void this.close(error);
    channel.onStale = () => this.#leave();
    this.#boundMessages(channel);
    const { log } = this.#options;
    // Logs only the prefix, because the rest may contain a whole message.
    this.#client.onerror = ({ message }) => log.debug({ mcp: this.target.key, problem: message.split(':')[0] }, 'MCP connection');
    // The SDK may reject after the deadline has already rejected `open`.
    await this.#client.connect(channel.transport, { signal, timeout: NO_TIMEOUT });
  }

  #boundMessages({ transport }: MonitoredTransport): void {
    const messages = new FixedWindowCounter(MAX_MESSAGES, WINDOW_MS);
    const requests = new FixedWindowCounter(MAX_REQUESTS, WINDOW_MS);
    const { onmessage } = transport;
    transport.onmessage = (message, extra) => {
      const tooMany = messages.add() || (isJSONRPCRequest(message) && requests.add());
      if (tooMany) void this.close(new McpCallError('PROTOCOL', 'The MCP server sends too many messages.'));
      onmessage?.(message, extra);
    };
  }

  /** Sends the request once. Rejects with a McpCallError. An abort rejects at once and sends a cancel to the server. */
  async request<Schema extends AnySchema>(
    request: ClientRequest,
    schema: Schema,
    { signal, onProgress, tool }: RequestOptions,
  ): Promise<SchemaOutput<Schema>> {
    signal.throwIfAborted();
    this.#throwIfFailed((failure) => failure);
    // One controller per request: the SDK never removes its abort listener and would cancel completed requests.
    const abort = new AbortController();
    const giveUp = () => abort.abort(signal.reason.message);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await this.#client.request(request, schema, { signal: abort.signal, timeout: NO_TIMEOUT, onprogress: onProgress });
    } catch (error) {
      if (signal.aborted) throw (signal.reason as McpCallError).afterSending();
      this.#throwIfFailed((failure) => failure.afterSending());
      if (tool !== undefined && reportsUnknownTool(error, tool)) throw toolUnknown(tool);
      throw toCallError(error, this.#secrets);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Rejects pending requests with `reason`. */
  close(reason = new McpCallError('ABORTED', 'The connection to the MCP server was closed.')): Promise<void> {
    if (this.#failure) return this.closed;
    this.#failure = reason;
    this.#failed.reject(reason);
    this.#leave();
    void this.#close();
    return this.closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#channel?.close();
    } catch (err) {
      this.#options.log.warn({ err, mcp: this.target.key }, 'close of an MCP connection failed');
    } finally {
      this.#closing.resolve();
    }
  }

  #throwIfFailed(as: (failure: McpCallError) => McpCallError): void {
    if (this.#failure) throw as(this.#failure);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.onGone();
  }
}

function createClient(target: McpEndpoint, elicit: Elicit | undefined): Client {
  if (!elicit) return new Client(CLIENT, { capabilities: {} });
  // Fields missing from the answer get the defaults in the request's schema.
  const client = new Client(CLIENT, { capabilities: { elicitation: { form: { applyDefaults: true } } } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }, { signal }) =>
    // The SDK rejects other modes, because the client does not declare them.
    elicit(target, params as ElicitRequestFormParams, signal),
  );
  return client;
}
