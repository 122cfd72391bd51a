import type { Agent, AgentRun } from '../../../generated/prisma/client.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { hasEnded } from '../agent-run.ts';
import { finishRun } from '../lifecycle/finish-run.ts';
import { oldestQueued, startNextQueued } from '../lifecycle/run-queue.ts';
import type { RunControls } from '../services.ts';
import type { RunSettings } from '../settings.ts';
import { AUTHORIZATION_LOST, findStarter } from './authorization.ts';
import { lockRun } from './locks.ts';
import { publishRunChange, type RunLease } from './run-lease.ts';

/**
 * Acquires the lease of a run that is queued and next in its conversation, whose previous lease expired, or whose tool calls have all
 * been decided. Returns undefined where there is nothing to do yet: the end of the previous run or the decision enqueues it again.
 */
export async function claimRun(services: RunControls, settings: RunSettings, id: string): Promise<RunLease | undefined> {
  const { database, prisma, jobs } = services;
  return database.transaction(async () => {
    const locked = await lockRun(database, prisma, id);
    if (!locked || hasEnded(locked.run)) return undefined;
    const { run, leaseRemainingMs } = locked;
    if (run.status === 'RUNNING' && leaseRemainingMs > 0) {
      // Its worker may have stopped: check again after the lease expires.
      await jobs.enqueue('run.execute', [{ tenantId: run.tenantId, id }], {
        delaySeconds: Math.ceil(leaseRemainingMs / 1000) + 1,
      });
      return undefined;
    }
    if (run.cancelRequestedAt !== null) {
      await finishRun(services, run, { status: 'CANCELLED' });
      return undefined;
    }
    if (run.status === 'WAITING_APPROVAL' && (await hasPendingApprovals(services, run))) return undefined;
    if (run.status === 'QUEUED' && !(await isItsTurn(services, run))) return undefined;
    const agent = await prisma.agent.findFirst({ where: { id: run.agentId } });
    if (!agent) throw new Error(`agent ${run.agentId} of run ${id} not found`);
    const refusal = await refusalOf(services, run, agent);
    if (refusal) {
      await finishRun(services, run, { status: 'FAILED', ...refusal });
      return undefined;
    }
    const token = newId();
    await queryRows(
      database,
      sql`UPDATE agent_runs SET status = 'RUNNING', lease_owner = ${token}::uuid, started_at = coalesce(started_at, clock_timestamp()),
          lease_expires_at = clock_timestamp() + ${settings.leaseMs}::integer * interval '1 millisecond'
        WHERE id = ${id}::uuid RETURNING id`,
    );
    await publishRunChange(services, run);
    return { run: await prisma.agentRun.findFirstOrThrow({ where: { id } }), agent, token, settings };
  });
}

/** The error of a run that was valid when it was queued and cannot start any more. */
async function refusalOf(
  services: RunControls,
  run: AgentRun,
  agent: Agent,
): Promise<{ code: string; message: string } | undefined> {
  if (run.status === 'QUEUED' && agent.status !== 'ACTIVE') {
    return { code: 'AGENT_NOT_ACTIVE', message: `The agent is ${agent.status}. Only an ACTIVE agent can run.` };
  }
  return (await findStarter(services, run)) ? undefined : AUTHORIZATION_LOST;
}

/** Releases the lease so that another worker can claim the run immediately. */
export async function releaseRun({ database }: RunControls, { run, token }: RunLease): Promise<void> {
  await database.transaction(() =>
    queryRows(
      database,
      sql`UPDATE agent_runs SET lease_owner = NULL, lease_expires_at = NULL WHERE id = ${run.id}::uuid AND lease_owner = ${token}::uuid`,
    ),
  );
}

export async function hasPendingApprovals({ prisma }: RunControls, { id }: Pick<AgentRun, 'id'>): Promise<boolean> {
  return (await prisma.toolCall.findFirst({ where: { runId: id, status: 'WAITING_APPROVAL' }, select: { id: true } })) !== null;
}

async function isItsTurn(services: RunControls, run: AgentRun): Promise<boolean> {
  const { database, prisma } = services;
  const { conversationId } = run;
  if (conversationId === null) return true;
  const active = await prisma.agentRun.findFirst({
    where: { conversationId, status: { in: ['RUNNING', 'WAITING_APPROVAL'] } },
    select: { id: true },
  });
  if (active) return false;
  if ((await oldestQueued(database, conversationId)) === run.id) return true;
  await startNextQueued(services, run);
  return false;
}
