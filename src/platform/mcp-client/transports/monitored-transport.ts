import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ErrorCode, type JSONRPCMessage, type RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { McpCallError } from '../errors.ts';

/** An SDK transport that reports its failure. */
export interface MonitoredTransport {
  readonly transport: Transport;
  /** Called once when the transport can take no more requests. */
  onFailure: (error: McpCallError) => void;
  /** Called when the next call should use a new connection. Pending calls may still complete. */
  onStale: () => void;
  /** Rejects pending requests at once; resolves after cleanup. Idempotent. */
  close(): Promise<void>;
}

/** Returns a synthetic error response that carries `error` and ends only one request. */
export function failedAnswer(id: RequestId, error: McpCallError): JSONRPCMessage {
  return { jsonrpc: '2.0', id, error: { code: ErrorCode.ConnectionClosed, message: error.message, data: error } };
}
