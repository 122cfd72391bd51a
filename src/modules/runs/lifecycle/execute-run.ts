import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { hasEnded } from '../agent-run.ts';
import { LeaseLostError, RunCancelledError, RunFailure } from '../errors.ts';
import { claimRun, hasPendingApprovals, releaseRun } from '../lease/claim.ts';
import type { LeaseKeeper } from '../lease/lease-keeper.ts';
import { lockRun } from '../lease/locks.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import { runAgentLoop } from '../loop/agent-loop.ts';
import { timeLeft, timeoutFailure } from '../loop/limits.ts';
import type { RunServices } from '../services.ts';
import type { RunSettings } from '../settings.ts';
import { type Ending, finishRun } from './finish-run.ts';

export interface RunExecution {
  tenantId: string;
  runId: string;
  /** Aborts when the worker shuts down. */
  signal: AbortSignal;
  /** Whether the queue does not retry after this attempt. */
  lastAttempt: boolean;
}

const ABANDONED = 'All attempts of the run failed because of a server error. The log of the workers contains the reason.';

/**
 * Executes a run until it ends or waits for approvals. It can be interrupted at any point and called again by any worker. Throws
 * errors that the queue should retry.
 */
export function executeRun(
  services: RunServices,
  settings: RunSettings,
  leaseKeeper: LeaseKeeper,
  execution: RunExecution,
): Promise<void> {
  const { tenantId, runId } = execution;
  return runWithContext({ tenantId }, async () => {
    const lease = await claimRun(services, settings, runId);
    if (!lease) return;
    // The run acts as the user or API key that started it, in row-level security and in the audit log.
    const { userId, apiKeyId } = lease.run;
    await runWithContext({ tenantId, userId: userId ?? undefined, apiKeyId: apiKeyId ?? undefined }, () =>
      executeLeased(services, lease, leaseKeeper, execution),
    );
  });
}

async function executeLeased(
  services: RunServices,
  lease: RunLease,
  leaseKeeper: LeaseKeeper,
  execution: RunExecution,
): Promise<void> {
  using held = leaseKeeper.hold(lease);
  const timeout = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const signal = AbortSignal.any([execution.signal, held.signal, timeout.signal]);
  services.runMetrics.inProgress++;
  try {
    const left = await timeLeft(services, lease);
    if (left <= 0) throw timeoutFailure(lease);
    timer = setTimeout(() => timeout.abort(timeoutFailure(lease)), left);
    await runAgentLoop(services, lease, signal);
  } catch (error) {
    await handleFailure(services, lease, execution, signal.aborted ? signal.reason : error);
  } finally {
    services.runMetrics.inProgress--;
    clearTimeout(timer);
  }
}

async function handleFailure(
  services: RunServices,
  lease: RunLease,
  { signal, lastAttempt }: RunExecution,
  error: unknown,
): Promise<void> {
  if (error instanceof LeaseLostError) return;
  if (error instanceof RunCancelledError) return end(services, lease, { status: 'CANCELLED' });
  if (error instanceof RunFailure) return end(services, lease, { status: 'FAILED', code: error.code, message: error.message });
  if (lastAttempt && !signal.aborted) {
    const { tenantId, id: runId } = lease.run;
    services.log.error({ err: error, tenantId, runId }, 'run failed in its last attempt');
    return end(services, lease, { status: 'FAILED', code: 'GAVE_UP', message: ABANDONED });
  }
  await releaseRun(services, lease);
  throw error;
}

async function end(services: RunServices, lease: RunLease, ending: Ending): Promise<void> {
  try {
    await withLease(services, lease, () => finishRun(services, lease.run, ending));
  } catch (error) {
    if (!(error instanceof LeaseLostError)) throw error;
  }
}

/** Fails a run whose last attempt ended without a result, because its worker was killed. */
export function failAbandonedRun(services: RunServices, tenantId: string, runId: string): Promise<void> {
  const { database, prisma } = services;
  return runWithContext({ tenantId }, () =>
    database.transaction(async () => {
      const locked = await lockRun(database, prisma, runId);
      if (!locked || hasEnded(locked.run) || locked.leaseRemainingMs > 0) return;
      if (locked.run.status === 'WAITING_APPROVAL' && (await hasPendingApprovals(services, locked.run))) return;
      await finishRun(services, locked.run, { status: 'FAILED', code: 'GAVE_UP', message: ABANDONED });
    }),
  );
}
