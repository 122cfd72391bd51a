import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { AgentRun, hasEnded } from '../agent-run.ts';
import { lockRun } from '../lease/locks.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import type { RunControls } from '../services.ts';
import { finishRun } from './finish-run.ts';

/** Cancels a run: immediately without a worker, otherwise within two seconds. Throws NotFoundError and InvalidStateError. */
export async function cancelAgentRun(services: RunControls, id: string): Promise<AgentRun> {
  const run = await requireFound(requestCancel(services, id), 'The run', ['input', 'id']);
  if (run.status !== 'CANCELLED' && hasEnded(run)) {
    throw new InvalidStateError(`The run is ${run.status.toLowerCase()} and cannot be cancelled.`, { path: ['input', 'id'] });
  }
  return AgentRun.require(services.prisma, id, ['input', 'id']);
}

/**
 * Cancels a run unless it has ended, and returns it as it was before. Runs inside a transaction that has locked its conversation or
 * nothing: see `lockRun` for the lock order.
 */
export async function requestCancel(services: RunControls, id: string): Promise<AgentRun | undefined> {
  const { database, prisma } = services;
  const locked = await lockRun(database, prisma, id);
  if (!locked || hasEnded(locked.run)) return locked?.run;
  const { run, leaseRemainingMs } = locked;
  if (run.status !== 'RUNNING' || leaseRemainingMs === 0) {
    // No worker has a valid lease.
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

mutation('cancelAgentRun', {
  description:
    'Cancels a run: immediately while no worker executes it, otherwise within two seconds. Messages that it wrote remain. Cancelling a ' +
    'cancelled run has no effect; for a run that has ended otherwise, it returns InvalidStateError.',
  access: 'agent:execute',
  input: (t) => ({ id: nodeId(t, 'AgentRun', { required: true, description: 'The run.' }) }),
  payload: payload('cancelAgentRun', 'The run after the change: RUNNING with `cancelRequestedAt` until its worker stops.', {
    run: { type: AgentRun, description: 'The run.' },
  }),
  resolve: async ({ id }, context) => ({ run: await cancelAgentRun(context, id) }),
});
