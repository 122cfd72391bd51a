import type { ExecutionStatus } from '../../../generated/prisma/client.ts';
import type { McpErrorCode } from '../../../platform/mcp-client/errors.ts';
import type { ToolCallResult } from '../../../platform/mcp-client/mcp-client.ts';
import type { SessionContext } from '../../../platform/postgres/request-scope.ts';
import type { SchemaIssue } from '../json-schema/json-schema.ts';

/** Reasons to refuse a call before it is sent. */
export type McpRefusalCode =
  | 'ARGUMENTS_INVALID'
  /** The configuration does not allow the user. */
  | 'NOT_ALLOWED'
  /** The current definition is not approved, or the server no longer offers the tool. */
  | 'NOT_APPROVED'
  /** A user must approve each call. */
  | 'APPROVAL_REQUIRED'
  | 'DISABLED'
  /** The configuration lacks a value that the server requires, or its secrets cannot be decrypted. */
  | 'NOT_CONFIGURED';

export type McpOutcomeCode = McpErrorCode | McpRefusalCode | 'TOOL_ERROR' | 'INTERNAL';

/** Output of a tool, with secrets redacted. */
export interface McpToolOutput {
  content: ToolCallResult['content'];
  structuredContent?: Record<string, unknown>;
}

/** The outcome of a call before it is recorded. */
export interface CallResult {
  status: ExecutionStatus;
  output: McpToolOutput | null;
  errorCode: McpOutcomeCode | null;
  errorMessage: string | null;
  /** Problems of the arguments, for ARGUMENTS_INVALID. */
  issues: SchemaIssue[];
  /** False if the server cannot have executed the call, so that a retry is safe. */
  mayHaveRun: boolean;
  serverInstance: string | null;
}

const EMPTY_RESULT: CallResult = {
  status: 'ERROR',
  output: null,
  errorCode: null,
  errorMessage: null,
  issues: [],
  mayHaveRun: false,
  serverInstance: null,
};

export function failed(errorCode: McpOutcomeCode, errorMessage: string, rest: Partial<CallResult> = {}): CallResult {
  return { ...EMPTY_RESULT, errorCode, errorMessage, ...rest };
}

export function completed(output: McpToolOutput, isError: boolean, serverInstance: string): CallResult {
  const shared = { output, serverInstance, mayHaveRun: true };
  if (!isError) return { ...EMPTY_RESULT, ...shared, status: 'SUCCESS' };
  return failed('TOOL_ERROR', textOfOutput(output) || 'The tool failed without an error message.', shared);
}

/** The text parts of an output, joined by newlines. */
export function textOfOutput({ content }: McpToolOutput): string {
  return content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n');
}

export interface McpToolCall {
  /** The session of the call. It has at least a tenant. */
  context: SessionContext;
  toolId: string;
  arguments: Record<string, unknown>;
  /** Whether a user makes this call or approved it. Otherwise calls of tools that require approval are refused. */
  approved: boolean;
  /** The user for whom the tool is called. */
  userId?: string | null | undefined;
  agentId?: string | null | undefined;
  conversationId?: string | null | undefined;
  messageId?: string | null | undefined;
  runId?: string | null | undefined;
  /** Aborts the call, which is recorded as an outcome. */
  signal?: AbortSignal | undefined;
  /** At most, and by default, the limit of the configuration. */
  timeoutMs?: number | undefined;
}
