import type { ExecutionStatus } from '../../../generated/prisma/client.ts';
import type { McpErrorCode } from '../../../platform/mcp-client/errors.ts';
import type { ToolCallResult } from '../../../platform/mcp-client/mcp-client.ts';
import type { SessionContext } from '../../../platform/postgres/request-scope.ts';
import type { SchemaIssue } from '../json-schema/json-schema.ts';

/** Why a call did not even reach its server. */
export type McpRefusalCode =
  | 'ARGUMENTS_INVALID'
  /** Not by this person. */
  | 'NOT_ALLOWED'
  /** The tool, as it is now, has not been approved, or is not offered any more. */
  | 'NOT_APPROVED'
  /** A person has to approve each call. */
  | 'APPROVAL_REQUIRED'
  | 'DISABLED'
  /** What the server needs is missing from the configuration, or cannot be read. */
  | 'NOT_CONFIGURED';

export type McpOutcomeCode = McpErrorCode | McpRefusalCode | 'TOOL_ERROR' | 'INTERNAL';

/** What a tool answered, without secrets. */
export interface McpToolOutput {
  content: ToolCallResult['content'];
  structuredContent?: Record<string, unknown>;
}

/** What came of a call, before it is kept. */
export interface CallResult {
  status: ExecutionStatus;
  output: McpToolOutput | null;
  errorCode: McpOutcomeCode | null;
  errorMessage: string | null;
  /** Of the arguments, where they are what was wrong. */
  issues: SchemaIssue[];
  /** False when the server cannot have done anything: trying again does nothing twice. */
  mayHaveRun: boolean;
  serverInstance: string | null;
}

const NOTHING: CallResult = {
  status: 'ERROR',
  output: null,
  errorCode: null,
  errorMessage: null,
  issues: [],
  mayHaveRun: false,
  serverInstance: null,
};

export function failed(errorCode: McpOutcomeCode, errorMessage: string, rest: Partial<CallResult> = {}): CallResult {
  return { ...NOTHING, errorCode, errorMessage, ...rest };
}

export function answered(output: McpToolOutput, isError: boolean, serverInstance: string): CallResult {
  const shared = { output, serverInstance, mayHaveRun: true };
  if (!isError) return { ...NOTHING, ...shared, status: 'SUCCESS' };
  return failed('TOOL_ERROR', textOfOutput(output) || 'The tool failed and did not say why.', shared);
}

/** The texts of an output, for a model. */
export function textOfOutput({ content }: McpToolOutput): string {
  return content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n');
}

export interface McpToolCall {
  /** Who acts. Names the tenant at least. */
  context: SessionContext;
  toolId: string;
  arguments: Record<string, unknown>;
  /** Whether a person makes this very call, or approved it. Tools that ask for approval are refused otherwise. */
  approved: boolean;
  /** For whom it is called, if for anybody. */
  userId?: string | null | undefined;
  agentId?: string | null | undefined;
  conversationId?: string | null | undefined;
  messageId?: string | null | undefined;
  runId?: string | null | undefined;
  /** Its abort is an outcome like any other. */
  signal?: AbortSignal | undefined;
  /** At most what the configuration says, which it is when absent. */
  timeoutMs?: number | undefined;
}
