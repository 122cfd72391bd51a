import type { ExecutionStatus, LlmCallKind } from '../../generated/prisma/client.ts';
import { BUILT_IN_PROVIDER } from '../../platform/ai/language/extractive-language-model.ts';
import { newId } from '../../platform/lib/ids.ts';
import { cleanText } from '../../platform/lib/text.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';

export interface LlmCallRecord {
  kind: LlmCallKind;
  /** Null outside of runs. */
  runId?: string | null | undefined;
  conversationId?: string | null | undefined;
  agentId?: string | null | undefined;
  iteration?: number | undefined;
  /** The provider and model that answered: those of the agent, or the built-in model. */
  provider: string;
  model: string;
  prompt: object;
  response?: object | undefined;
  status: ExecutionStatus;
  error?: { code: string; message: string } | undefined;
  inputTokens: number;
  outputTokens: number;
  /** Included in `inputTokens`. */
  cachedTokens?: number | undefined;
  /** Whether token counts are estimated. */
  estimated: boolean;
  latencyMs: number;
  firstTokenMs?: number | undefined;
}

/**
 * Stores a model call with its cost at the current price, which the database calculates exactly. Triggers add tokens and cost to the run and
 * the conversation. A model without a price costs 0 and is marked as unpriced, except for the built-in model.
 */
export async function recordLlmCall(database: Database, call: LlmCallRecord): Promise<void> {
  const { provider, model, inputTokens, outputTokens, cachedTokens = 0, error, response } = call;
  const free = provider === BUILT_IN_PROVIDER;
  await queryRows(
    database,
    sql`INSERT INTO llm_calls (id, kind, run_id, conversation_id, agent_id, iteration, provider, model, prompt, response, input_tokens,
        output_tokens, cached_tokens, cost_usd, estimated, unpriced, latency_ms, first_token_ms, status, error_code, error_message)
      SELECT ${newId()}::uuid, ${call.kind}::llm_call_kind, ${call.runId ?? null}::uuid, ${call.conversationId ?? null}::uuid,
        ${call.agentId ?? null}::uuid, ${call.iteration ?? 1}::integer, ${provider}, ${model.slice(0, 150)},
        ${JSON.stringify(call.prompt)}::jsonb, ${response === undefined ? null : JSON.stringify(response)}::jsonb, ${inputTokens}::bigint,
        ${outputTokens}::bigint, ${cachedTokens}::bigint, coalesce(
          (greatest(${inputTokens}::numeric - ${cachedTokens}::numeric, 0) * price.input_per_million_usd
            + ${cachedTokens}::numeric * coalesce(price.cached_input_per_million_usd, price.input_per_million_usd)
            + ${outputTokens}::numeric * price.output_per_million_usd) / 1000000, 0),
        ${call.estimated}::boolean, price.id IS NULL AND NOT ${free}::boolean, ${Math.round(call.latencyMs)}::integer,
        ${call.firstTokenMs === undefined ? null : Math.round(call.firstTokenMs)}::integer, ${call.status}::execution_status,
        ${error?.code ?? null}, ${error ? cleanText(error.message).slice(0, 2000) : null}
      FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT * FROM model_prices p WHERE p.provider = ${provider} AND p.model = ${model} AND p.effective_from <= now()
        ORDER BY p.effective_from DESC LIMIT 1) AS price ON true`,
  );
}
