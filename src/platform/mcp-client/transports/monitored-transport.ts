import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ErrorCode, type JSONRPCMessage, type RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { McpCallError } from '../errors.ts';

/** A transport of the SDK, and what it tells of its end. */
export interface MonitoredTransport {
  readonly transport: Transport;
  /** Told once, when nothing can be asked any more. */
  onFailure: (error: McpCallError) => void;
  /** Told when the next call had better take a new connection. Calls that are under way may still be answered. */
  onStale: () => void;
  /** Frees who waits at once; resolves when nothing is left of it. May be called again. */
  close(): Promise<void>;
}

/** What ends one request alone: an answer of our own making, with our own error in it. */
export function failedAnswer(id: RequestId, error: McpCallError): JSONRPCMessage {
  return { jsonrpc: '2.0', id, error: { code: ErrorCode.ConnectionClosed, message: error.message, data: error } };
}
