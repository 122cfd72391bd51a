import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { RunFailure } from '../errors.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import { MAX_FAILING_STEPS } from '../settings.ts';
import type { Step } from './steps.ts';

/** How long the run may still take, in milliseconds. What it waited for people does not count. */
export async function timeLeft({ database }: RunServices, { run, agent }: RunLease): Promise<number> {
  const [taken] = await queryRows<{ ms: number }>(
    database,
    sql`SELECT (extract(epoch FROM clock_timestamp() - r.started_at - (
        SELECT coalesce(sum(waited.time), interval '0') FROM (
          SELECT max(t.decided_at) - min(t.created_at) AS time FROM tool_calls t
          WHERE t.run_id = r.id AND t.decided_at IS NOT NULL GROUP BY t.iteration) waited)) * 1000)::float8 AS ms
      FROM agent_runs r WHERE r.id = ${run.id}::uuid`,
  );
  return agent.timeoutMs - (taken?.ms ?? 0);
}

export function timeoutFailure({ agent }: RunLease): RunFailure {
  return new RunFailure('TIMEOUT', `The run took longer than the agent's limit of ${agent.timeoutMs / 1000} seconds.`);
}

/** Throws RunFailure when the run may not ask its model once more. */
export async function checkLimits({ prisma }: RunServices, { run, agent }: RunLease, rounds: Step[]): Promise<void> {
  if (rounds.length >= agent.maxIterations) {
    const message = `The run did not come to an end within the agent's limit of ${agent.maxIterations} rounds.`;
    throw new RunFailure('ITERATIONS_EXCEEDED', message);
  }
  if (rounds.slice(-MAX_FAILING_STEPS).filter(failedAltogether).length === MAX_FAILING_STEPS) {
    const message = `Every tool call of the last ${MAX_FAILING_STEPS} rounds failed. The tool calls of the run tell why.`;
    throw new RunFailure('TOOLS_FAILING', message);
  }
  if (agent.maxRunTokens === null) return;
  const { inputTokens, outputTokens } = await prisma.agentRun.findFirstOrThrow({
    where: { id: run.id },
    select: { inputTokens: true, outputTokens: true },
  });
  if (inputTokens + outputTokens >= agent.maxRunTokens) {
    const message = `The run used ${inputTokens + outputTokens} tokens, and the agent's limit is ${agent.maxRunTokens}.`;
    throw new RunFailure('TOKENS_EXCEEDED', message);
  }
}

function failedAltogether({ calls }: Step): boolean {
  return calls.length > 0 && calls.every(({ status }) => status === 'FAILED' || status === 'TIMED_OUT');
}
