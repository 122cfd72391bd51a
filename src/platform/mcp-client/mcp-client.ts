import { dirname } from 'node:path';
import {
  type CallToolResult,
  CallToolResultSchema,
  type Progress,
  type ReadResourceResult,
  ReadResourceResultSchema,
  type Resource,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from '../lib/logger.ts';
import type { Connection, Elicit } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { McpEndpoint } from './endpoint.ts';
import { McpCallError, type McpErrorCode } from './errors.ts';
import { jsonBytes, listAllResources, listAllTools } from './list-capabilities.ts';
import { reportsUnknownTool, toolUnknown } from './map-errors.ts';
import { Authorizations } from './oauth/authorizations.ts';
import type { McpServerInfo } from './server-info.ts';

export interface McpClientOptions {
  /** Connects to remote servers and restricts addresses: its `AddressNotAllowedError` maps to REFUSED. */
  fetch: typeof fetch;
  log: Logger;
  /** Time until an idle connection closes. */
  idleMs: number;
  /** Limit for this process, across all servers. */
  maxConnections: number;
  connectTimeoutMs: number;
  /** Limit per result and per complete list. A message several times this size closes the connection. */
  maxResultBytes: number;
  /** Answers a server's elicitation requests during a call. Without it, the client declares no elicitation capability. */
  elicit?: Elicit;
  /** Search path for the programs of STDIO servers. @default the folder of this Node and the system folders */
  path?: string;
}

export interface McpCallOptions {
  /** An abort rejects the call at once and notifies the server. */
  signal?: AbortSignal | undefined;
  /** Limit for the wait in the queue, and again for the response. @default the target's limit */
  timeoutMs?: number | undefined;
}

export interface ToolCallRequest extends McpCallOptions {
  name: string;
  arguments?: Record<string, unknown> | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ToolCallResult {
  content: CallToolResult['content'];
  structuredContent: Record<string, unknown> | undefined;
  /** The tool itself failed; `content` describes the error. */
  isError: boolean;
  serverInfo: McpServerInfo;
  /** Time from sending to the response, without queueing and connecting. */
  durationMs: number;
}

/** The outcome of one call. */
export interface McpCall {
  operation: 'listTools' | 'listResources' | 'callTool' | 'readResource' | 'serverInfo';
  transport: McpEndpoint['transport'];
  outcome: 'OK' | 'TOOL_ERROR' | McpErrorCode;
  /** Includes queueing and connecting. */
  seconds: number;
}

/** Calls MCP servers over pooled connections. All methods reject with a McpCallError. */
export interface McpClient {
  listTools(target: McpEndpoint, options?: McpCallOptions): Promise<Tool[]>;
  listResources(target: McpEndpoint, options?: McpCallOptions): Promise<Resource[]>;
  /** Sends the call at most once and never retries it. */
  callTool(target: McpEndpoint, call: ToolCallRequest): Promise<ToolCallResult>;
  readResource(target: McpEndpoint, uri: string, options?: McpCallOptions): Promise<ReadResourceResult['contents']>;
  serverInfo(target: McpEndpoint, options?: McpCallOptions): Promise<McpServerInfo>;
  /** Drops a removed configuration: closes its connection when its pending calls have completed. */
  forget(key: string): Promise<void>;
  /** Returns the target's access tokens, which callers must redact from its responses. */
  tokensOf(key: string): string[];
  stats(): ConnectionPool['stats'];
  /** Rejects pending calls with ABORTED and closes every connection. */
  close(): Promise<void>;
  /** Called after every call. Callers may replace it at any time. */
  onCall: (call: McpCall) => void;
}

/** A message has other parts besides the result, and its JSON encoding may be longer than necessary. */
const MESSAGE_BYTES_PER_RESULT_BYTE = 4;
const MIN_MESSAGE_BYTES = 1024 * 1024;

export function createMcpClient({ maxResultBytes, path = defaultPath(), ...options }: McpClientOptions): McpClient {
  const maxMessageBytes = Math.max(MIN_MESSAGE_BYTES, MESSAGE_BYTES_PER_RESULT_BYTE * maxResultBytes);
  const authorizations = new Authorizations(options.fetch);
  const pool = new ConnectionPool({ ...options, authorizations, path, maxMessageBytes });

  async function use<T>(
    operation: McpCall['operation'],
    target: McpEndpoint,
    { signal, timeoutMs = target.limits.timeoutMs }: McpCallOptions,
    work: (connection: Connection, signal: AbortSignal) => Promise<T>,
    outcomeOf: (result: T) => McpCall['outcome'] = () => 'OK',
  ): Promise<T> {
    const start = performance.now();
    const report = (outcome: McpCall['outcome']) =>
      clients.onCall({ operation, transport: target.transport, outcome, seconds: (performance.now() - start) / 1000 });
    try {
      const result = await pool.use(target, { signal, timeoutMs, work });
      report(outcomeOf(result));
      return result;
    } catch (error) {
      if (error instanceof McpCallError) report(error.code);
      throw error;
    }
  }

  const clients: McpClient = {
    listTools: (target, call = {}) =>
      use('listTools', target, call, (connection, signal) => listAllTools(connection, { signal, maxBytes: maxResultBytes })),

    listResources: (target, call = {}) =>
      use('listResources', target, call, (connection, signal) =>
        listAllResources(connection, { signal, maxBytes: maxResultBytes }),
      ),

    callTool: (target, { name, arguments: input = {}, onProgress, ...call }) =>
      use(
        'callTool',
        target,
        call,
        async (connection, signal) => {
          const start = performance.now();
          const request = { method: 'tools/call' as const, params: { name, arguments: input } };
          const result = await connection.request(request, CallToolResultSchema, { signal, onProgress, tool: name });
          const durationMs = Math.round(performance.now() - start);
          refuseUnknown(result, name);
          refuseLarge(result, maxResultBytes);
          const { content, structuredContent, isError = false } = result;
          return { content, structuredContent, isError, serverInfo: connection.serverInfo, durationMs };
        },
        ({ isError }) => (isError ? 'TOOL_ERROR' : 'OK'),
      ),

    readResource: (target, uri, call = {}) =>
      use('readResource', target, call, async (connection, signal) => {
        const request = { method: 'resources/read' as const, params: { uri } };
        const { contents } = await connection.request(request, ReadResourceResultSchema, { signal });
        refuseLarge(contents, maxResultBytes);
        return contents;
      }),

    serverInfo: (target, call = {}) => use('serverInfo', target, call, async (connection) => connection.serverInfo),
    forget: (key) => {
      authorizations.forget(key);
      return pool.forget(key);
    },
    tokensOf: (key) => authorizations.secretsOf(key),
    stats: () => pool.stats,
    close: () => {
      const closing = pool.close();
      authorizations.close();
      return closing;
    },
    onCall: () => {},
  };
  return clients;
}

function defaultPath(): string {
  return `${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
}

function refuseLarge(result: unknown, maxBytes: number): void {
  if (jsonBytes(result) > maxBytes) {
    throw new McpCallError('TOO_LARGE', `The result exceeds ${maxBytes} bytes.`, { mayHaveRun: true });
  }
}

/** Many servers return a tool error result for an unknown tool. */
function refuseUnknown({ isError, content }: CallToolResult, name: string): void {
  const [first] = content;
  if (isError && content.length === 1 && first?.type === 'text' && reportsUnknownTool(first.text, name)) throw toolUnknown(name);
}
