import { runWithContext } from '../../db/context.ts';
import { claimRun, releaseRun, waitsForPeople } from './claim.ts';
import { type Ending, endRun } from './end.ts';
import { LostRunError, RunCancelledError, RunFailure } from './errors.ts';
import { timeLeft, tooLate } from './limits.ts';
import { hasEnded, lockRun } from './read.ts';
import type { RunServices } from './services.ts';
import type { RunSettings } from './settings.ts';
import { takeRounds } from './take-rounds.ts';
import { type Claim, underClaim } from './under-claim.ts';
import type { RunWatch } from './watch.ts';

export interface Execution {
  tenantId: string;
  runId: string;
  /** Aborts when the worker stops. */
  signal: AbortSignal;
  /** Whether nobody will try again after this. */
  lastAttempt: boolean;
}

const GAVE_UP = 'The run failed again and again for a reason of the server. The log of the workers tells more.';

/**
 * Carries out a run as far as it goes: to its end, or to where people must decide. Can be stopped at any point and called again, by
 * any worker. Throws what is worth another attempt.
 */
export function executeRun(services: RunServices, settings: RunSettings, watch: RunWatch, execution: Execution): Promise<void> {
  const { tenantId, runId } = execution;
  return runWithContext({ tenantId }, async () => {
    const claim = await claimRun(services, settings, runId);
    if (!claim) return;
    // On behalf of whoever asked for it: what their agent does is theirs in the audit log, and no more than they may do.
    const { userId, apiKeyId } = claim.run;
    await runWithContext({ tenantId, userId: userId ?? undefined, apiKeyId: apiKeyId ?? undefined }, () =>
      carryOut(services, claim, watch, execution),
    );
  });
}

async function carryOut(services: RunServices, claim: Claim, watch: RunWatch, execution: Execution): Promise<void> {
  using watched = watch.follow(claim);
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const signal = AbortSignal.any([execution.signal, watched.signal, late.signal]);
  services.runMeter.underWay++;
  try {
    const left = await timeLeft(services, claim);
    if (left <= 0) throw tooLate(claim);
    timer = setTimeout(() => late.abort(tooLate(claim)), left);
    await takeRounds(services, claim, signal);
  } catch (error) {
    await settle(services, claim, execution, signal.aborted ? signal.reason : error);
  } finally {
    services.runMeter.underWay--;
    clearTimeout(timer);
  }
}

async function settle(services: RunServices, claim: Claim, { signal, lastAttempt }: Execution, error: unknown): Promise<void> {
  if (error instanceof LostRunError) return;
  if (error instanceof RunCancelledError) return end(services, claim, { status: 'CANCELLED' });
  if (error instanceof RunFailure) return end(services, claim, { status: 'FAILED', code: error.code, message: error.message });
  if (lastAttempt && !signal.aborted) {
    const { tenantId, id: runId } = claim.run;
    services.log.error({ err: error, tenantId, runId }, 'a run failed again and again');
    return end(services, claim, { status: 'FAILED', code: 'GAVE_UP', message: GAVE_UP });
  }
  await releaseRun(services, claim);
  throw error;
}

async function end(services: RunServices, claim: Claim, ending: Ending): Promise<void> {
  try {
    await underClaim(services, claim, () => endRun(services, claim.run, ending));
  } catch (error) {
    if (!(error instanceof LostRunError)) throw error;
  }
}

/** Ends a run whose last attempt ended without a word: its worker died, again and again. */
export function giveUpRun(services: RunServices, tenantId: string, runId: string): Promise<void> {
  const { database, prisma } = services;
  return runWithContext({ tenantId }, () =>
    database.transaction(async () => {
      const locked = await lockRun(database, prisma, runId);
      if (!locked || hasEnded(locked.run) || locked.heldForMs > 0) return;
      if (locked.run.status === 'WAITING_APPROVAL' && (await waitsForPeople(services, locked.run))) return;
      await endRun(services, locked.run, { status: 'FAILED', code: 'GAVE_UP', message: GAVE_UP });
    }),
  );
}
