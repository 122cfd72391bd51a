import type { SessionContext } from '../../../platform/postgres/request-scope.ts';

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
