import type { ExecutionStatus } from '../../../generated/prisma/client.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { cleanText } from '../../../platform/lib/text.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import type { RecordedResponse } from './steps.ts';

export interface LlmCallRecord {
  iteration: number;
  /** The provider and model that answered: those of the agent, or the built-in model. */
  provider: string;
  model: string;
  prompt: object;
  response?: RecordedResponse | undefined;
  status: ExecutionStatus;
  error?: { code: string; message: string } | undefined;
  inputTokens: number;
  outputTokens: number;
  /** Included in `inputTokens`. */
  cachedTokens: number;
  latencyMs: number;
  firstTokenMs?: number | undefined;
}

/**
 * Stores a model call with its cost at the current price, which the database calculates in decimal arithmetic. Triggers add tokens and
 * cost to the run and the conversation. A model without a price costs 0.
 */
export async function recordLlmCall({ database }: RunServices, { run }: RunLease, call: LlmCallRecord): Promise<void> {
  const { provider, model, inputTokens, outputTokens, cachedTokens, error, response } = call;
  await queryRows(
    database,
    sql`INSERT INTO llm_calls (tenant_id, id, run_id, conversation_id, agent_id, iteration, provider, model, prompt, response, input_tokens,
        output_tokens, cached_tokens, cost_usd, latency_ms, first_token_ms, status, error_code, error_message)
      VALUES (${run.tenantId}::uuid, ${newId()}::uuid, ${run.id}::uuid, ${run.conversationId}::uuid, ${run.agentId}::uuid,
        ${call.iteration}::integer, ${provider}, ${model}, ${JSON.stringify(call.prompt)}::jsonb,
        ${response === undefined ? null : JSON.stringify(response)}::jsonb, ${inputTokens}::bigint, ${outputTokens}::bigint,
        ${cachedTokens}::bigint, coalesce((
          SELECT round((greatest(${inputTokens}::numeric - ${cachedTokens}::numeric, 0) * p.input_per_million_usd
            + ${cachedTokens}::numeric * coalesce(p.cached_input_per_million_usd, p.input_per_million_usd)
            + ${outputTokens}::numeric * p.output_per_million_usd) / 1000000, 6)
          FROM model_prices p WHERE p.provider = ${provider} AND p.model = ${model} AND p.effective_from <= now()
          ORDER BY p.effective_from DESC LIMIT 1), 0),
        ${Math.round(call.latencyMs)}::integer, ${call.firstTokenMs === undefined ? null : Math.round(call.firstTokenMs)}::integer,
        ${call.status}::execution_status, ${error?.code ?? null}, ${error ? cleanText(error.message).slice(0, 2000) : null})`,
  );
}
