import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { DomainError, type ErrorCode, ValidationError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { toDomainError } from '../postgres/errors.ts';
import type { McpCaller } from './context.ts';

/** Error codes of JSON-RPC. RESOURCE_NOT_FOUND is defined by MCP. */
export const INVALID_REQUEST = -32600;
export const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const RESOURCE_NOT_FOUND = -32002;

/** An error response of JSON-RPC. The SDK sends `code`, `message` and `data` unchanged. */
export class ProtocolError extends Error {
  readonly code: number;
  readonly data: Record<string, unknown> | undefined;

  constructor(code: number, message: string, data?: Record<string, unknown>) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

interface McpError {
  code: ErrorCode | 'INTERNAL_SERVER_ERROR';
  message: string;
}

/** Returns the message of a DomainError. Masks and logs other errors; the message then contains only the id of the request. */
function toMcpError(error: unknown, log: Logger, { request: { requestId } }: McpCaller, during: string): McpError {
  const original = toDomainError(error);
  if (original instanceof DomainError) {
    if (original.code === 'UNAVAILABLE') log.warn({ err: original.cause ?? original, requestId, during }, original.message);
    return { code: original.code, message: messageOf(original) };
  }
  log.error({ err: original, requestId, during }, 'unexpected error');
  return {
    code: 'INTERNAL_SERVER_ERROR',
    message: `Unexpected error. The server log contains it under the request id ${requestId}.`,
  };
}

function messageOf(error: DomainError): string {
  if (!(error instanceof ValidationError)) return error.message;
  return error.issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message)).join('\n');
}

/** Returns the error as a tool result, not a protocol error, so that the model can read it and correct its call. */
export function toolFailure(error: unknown, log: Logger, caller: McpCaller, tool: string): CallToolResult {
  const { code, message } = toMcpError(error, log, caller, `tools/call ${tool}`);
  return { isError: true, content: [{ type: 'text', text: message }], _meta: { 'agentbase/code': code } };
}

const CODES: Partial<Record<McpError['code'], number>> = {
  NOT_FOUND: RESOURCE_NOT_FOUND,
  VALIDATION_FAILED: INVALID_PARAMS,
  UNAVAILABLE: INTERNAL_ERROR,
  INTERNAL_SERVER_ERROR: INTERNAL_ERROR,
};

/** Maps an error of a request other than `tools/call`. */
export function protocolError(error: unknown, log: Logger, caller: McpCaller, during: string): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const { code, message } = toMcpError(error, log, caller, during);
  return new ProtocolError(CODES[code] ?? INVALID_REQUEST, message, { code });
}
