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
  /** Aborts when the worker stops. */
  signal: AbortSignal;
  /** Whether nobody will try again after this. */
  lastAttempt: boolean;
}

const ABANDONED = 'The run failed again and again for a reason of the server. The log of the workers tells more.';

/**
 * Carries out a run as far as it goes: to its end, or to where people must decide. Can be stopped at any point and called again, by
 * any worker. Throws what is worth another attempt.
 */
export function executeRun(
  services: RunServices,
  settings: RunSettings,
  watch: LeaseKeeper,
  execution: RunExecution,
): Promise<void> {
  const { tenantId, runId } = execution;
  return runWithContext({ tenantId }, async () => {
    const claim = await claimRun(services, settings, runId);
    if (!claim) return;
    // On behalf of whoever asked for it: what their agent does is theirs in the audit log, and no more than they may do.
    const { userId, apiKeyId } = claim.run;
    await runWithContext({ tenantId, userId: userId ?? undefined, apiKeyId: apiKeyId ?? undefined }, () =>
      executeLeased(services, claim, watch, execution),
    );
  });
}

async function executeLeased(services: RunServices, claim: RunLease, watch: LeaseKeeper, execution: RunExecution): Promise<void> {
  using watched = watch.hold(claim);
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const signal = AbortSignal.any([execution.signal, watched.signal, late.signal]);
  services.runMetrics.inProgress++;
  try {
    const left = await timeLeft(services, claim);
    if (left <= 0) throw timeoutFailure(claim);
    timer = setTimeout(() => late.abort(timeoutFailure(claim)), left);
    await runAgentLoop(services, claim, signal);
  } catch (error) {
    await handleFailure(services, claim, execution, signal.aborted ? signal.reason : error);
  } finally {
    services.runMetrics.inProgress--;
    clearTimeout(timer);
  }
}

async function handleFailure(
  services: RunServices,
  claim: RunLease,
  { signal, lastAttempt }: RunExecution,
  error: unknown,
): Promise<void> {
  if (error instanceof LeaseLostError) return;
  if (error instanceof RunCancelledError) return end(services, claim, { status: 'CANCELLED' });
  if (error instanceof RunFailure) return end(services, claim, { status: 'FAILED', code: error.code, message: error.message });
  if (lastAttempt && !signal.aborted) {
    const { tenantId, id: runId } = claim.run;
    services.log.error({ err: error, tenantId, runId }, 'a run failed again and again');
    return end(services, claim, { status: 'FAILED', code: 'GAVE_UP', message: ABANDONED });
  }
  await releaseRun(services, claim);
  throw error;
}

async function end(services: RunServices, claim: RunLease, ending: Ending): Promise<void> {
  try {
    await withLease(services, claim, () => finishRun(services, claim.run, ending));
  } catch (error) {
    if (!(error instanceof LeaseLostError)) throw error;
  }
}

/** Ends a run whose last attempt ended without a word: its worker died, again and again. */
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
