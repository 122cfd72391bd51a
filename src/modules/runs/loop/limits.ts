import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { RunFailure } from '../errors.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import { MAX_FAILING_STEPS } from '../settings.ts';
import type { Step } from './steps.ts';

/** Remaining time of the run in milliseconds. Time spent waiting for approvals does not count. */
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

/** Throws RunFailure where the run has reached a limit and must not call its model again. */
export async function checkLimits({ prisma }: RunServices, { run, agent }: RunLease, steps: Step[]): Promise<void> {
  if (steps.length >= agent.maxIterations) {
    const message = `The run did not end within the agent's limit of ${agent.maxIterations} iterations.`;
    throw new RunFailure('ITERATIONS_EXCEEDED', message);
  }
  if (steps.slice(-MAX_FAILING_STEPS).filter(allCallsFailed).length === MAX_FAILING_STEPS) {
    const message = `All tool calls of the last ${MAX_FAILING_STEPS} iterations failed. See the tool calls of the run for their errors.`;
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

function allCallsFailed({ calls }: Step): boolean {
  return calls.length > 0 && calls.every(({ status }) => status === 'FAILED' || status === 'TIMED_OUT');
}
