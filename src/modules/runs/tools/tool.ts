import type { ToolSource } from '../../../generated/prisma/client.ts';

export type ToolInputSchema = Record<string, unknown>;

/** What came of a call. Expected failures are told, not thrown: the model reads them. */
export type ToolOutcome =
  | { status: 'SUCCEEDED'; output: unknown }
  | { status: 'FAILED' | 'TIMED_OUT'; error: string; output?: unknown };

/** A tool as one run has it. */
export interface RunTool {
  /** As the model is told it: letters, digits, `_` and `-`, unique in the run. */
  name: string;
  description: string;
  /** Of its arguments. */
  inputSchema: ToolInputSchema;
  source: ToolSource;
  mcpToolId?: string | undefined;
  /** Whether each call waits until somebody approves it. */
  approval: boolean;
  /** Whether calling it twice is as good as calling it once. */
  repeatable: boolean;
  call(args: Record<string, unknown>, context: CallContext): Promise<ToolOutcome>;
}

export interface CallContext {
  /** Aborts when the run is stopped, or the tool has taken too long. */
  signal: AbortSignal;
  /** For what the tool keeps a log of its own. */
  messageId: string | null;
  /** Whether somebody approved this very call. */
  approved: boolean;
}
