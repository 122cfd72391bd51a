import type { AgentRun } from '../../../generated/prisma/client.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import { hasEnded, lockRun, requireRun } from '../read.ts';
import type { RunControls } from '../services.ts';
import { finishRun } from './finish-run.ts';

/** Stops a run: at once where nobody works on it, else within two seconds. Throws NotFoundError and InvalidStateError. */
export async function cancelAgentRun(services: RunControls, id: string): Promise<AgentRun> {
  const run = await requireFound(requestCancel(services, id), 'The run', ['input', 'id']);
  if (run.status !== 'CANCELLED' && hasEnded(run)) {
    throw new InvalidStateError(`The run has ended already: it is ${run.status.toLowerCase()}.`, { path: ['input', 'id'] });
  }
  return requireRun(services.prisma, id, ['input', 'id']);
}

/** The same for a run that may have ended, inside a transaction that has its conversation locked or nothing yet. Gives the run as it was found. */
export async function requestCancel(services: RunControls, id: string): Promise<AgentRun | undefined> {
  const { database, prisma } = services;
  const locked = await lockRun(database, prisma, id);
  if (!locked || hasEnded(locked.run)) return locked?.run;
  const { run, leaseRemainingMs } = locked;
  if (run.status !== 'RUNNING' || leaseRemainingMs === 0) {
    // Nobody works on it, or nobody who still may.
    await finishRun(services, run, { status: 'CANCELLED' });
    return run;
  }
  if (run.cancelRequestedAt === null) {
    await prisma.agentRun.update({
      where: tenantKey(id),
      data: { cancelRequestedAt: new Date() },
      select: { id: true },
    });
    await publishRunChange(services, run);
  }
  return run;
}
