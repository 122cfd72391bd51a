import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { InvalidStateError } from '../../../platform/lib/errors.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { AgentRun, hasEnded } from '../agent-run.ts';
import { lockRun } from '../lease/locks.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import type { RunControls } from '../services.ts';
import { finishRun } from './finish-run.ts';

/** Stops a run: at once where nobody works on it, else within two seconds. Throws NotFoundError and InvalidStateError. */
export async function cancelAgentRun(services: RunControls, id: string): Promise<AgentRun> {
  const run = await requireFound(requestCancel(services, id), 'The run', ['input', 'id']);
  if (run.status !== 'CANCELLED' && hasEnded(run)) {
    throw new InvalidStateError(`The run has ended already: it is ${run.status.toLowerCase()}.`, { path: ['input', 'id'] });
  }
  return AgentRun.require(services.prisma, id, ['input', 'id']);
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

mutation('cancelAgentRun', {
  description:
    'Stops a run: at once where it waits, within two seconds where a worker is at it. What it has written stays. Repeating it is no error.',
  access: 'agent:execute',
  input: (t) => ({ id: nodeId(t, 'AgentRun', { required: true, description: 'The agentrun.' }) }),
  payload: payload(
    'cancelAgentRun',
    'The run after the change. RUNNING with `cancelRequestedAt` while its worker has yet to let go.',
    { run: { type: AgentRun, description: 'The run.' } },
  ),
  resolve: async ({ id }, context) => ({ run: await cancelAgentRun(context, id) }),
});
