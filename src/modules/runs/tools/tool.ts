import type { ToolSource } from '../../../generated/prisma/client.ts';
import type { ToolImage } from '../../../platform/ai/language/language-model.ts';
import type { Rights } from '../../../platform/auth/rights.ts';
import { permissionOfTool } from '../../agents/exports.ts';

export type ToolInputSchema = Record<string, unknown>;

/** Result of a call. Expected failures are returned, not thrown, and the model receives them. */
export type ToolOutcome =
  | { status: 'SUCCEEDED'; output: unknown; images?: ToolImage[] | undefined }
  | { status: 'FAILED' | 'TIMED_OUT'; error: string; output?: unknown };

/** A tool of a run. */
export interface RunTool {
  /** Name in the prompt: letters, digits, `_` and `-`, unique in the run. */
  name: string;
  description: string;
  /** JSON Schema of the arguments. */
  inputSchema: ToolInputSchema;
  source: ToolSource;
  mcpToolId?: string | undefined;
  /** Whether each call requires approval. */
  approval: boolean;
  /** Whether repeating a call has no additional effect, so that an interrupted call can be retried. */
  repeatable: boolean;
  call(args: Record<string, unknown>, context: CallContext): Promise<ToolOutcome>;
}

export interface CallContext {
  /** Aborts when the run is cancelled or the tool exceeds its time limit. */
  signal: AbortSignal;
  /** Id of the answer that requested the call, for the tool's own log. */
  messageId: string | null;
  /** Whether this call was approved. */
  approved: boolean;
}

/** The rights that a call of the tool requires of the starter of the run and of the approver of the call. */
export function rightsOfTool({ source }: { source: ToolSource }): Rights {
  const permission = permissionOfTool[source];
  return { permissions: permission === undefined ? [] : [permission] };
}
