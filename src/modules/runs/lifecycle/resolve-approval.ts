import type { AgentRun, ToolCall } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { ForbiddenError, InvalidStateError, NotFoundError } from '../../../platform/lib/errors.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { hasPendingApprovals } from '../lease/claim.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import { lockRun, requireRun } from '../read.ts';
import type { RunControls } from '../services.ts';

export interface Decision {
  approve: boolean;
  /** In the words of who decides. The model is told why a call was rejected. */
  reason?: string | undefined;
}

/**
 * Decides about a tool call that waits. When no call of its run waits any more, the run goes on: it keeps the conversation's place
 * until a worker has it. Inside the caller's transaction. Throws NotFoundError, InvalidStateError and
 * ForbiddenError.
 */
export async function resolveApproval(
  services: RunControls,
  viewer: Viewer,
  id: string,
  { approve, reason }: Decision,
): Promise<{ toolCall: ToolCall; run: AgentRun }> {
  const { database, prisma, jobs } = services;
  const path = ['input', 'id'];
  const found = await prisma.toolCall.findFirst({ where: { id }, select: { runId: true } });
  const locked = found && (await lockRun(database, prisma, found.runId));
  const call = locked && (await prisma.toolCall.findFirst({ where: { id } }));
  if (!call) throw new NotFoundError('The tool call', { path });
  if (call.status !== 'WAITING_APPROVAL') {
    throw new InvalidStateError(`The tool call waits for nobody: it is ${call.status.toLowerCase().replaceAll('_', ' ')}.`, {
      path,
    });
  }
  const { run } = locked;
  // A program is not to say yes to itself.
  if (approve && viewer.apiKeyId !== undefined && viewer.apiKeyId === run.apiKeyId) {
    throw new ForbiddenError('An API key does not approve calls of the runs that it has started.');
  }
  const now = new Date();
  const toolCall = await prisma.toolCall.update({
    where: tenantKey(id),
    data: {
      decidedById: viewer.userId ?? null,
      decidedAt: now,
      decisionReason: reason ?? null,
      ...(approve
        ? { status: 'PENDING' }
        : {
            status: 'REJECTED',
            completedAt: now,
            errorMessage: reason ? `Somebody rejected this call: ${reason}` : 'Somebody rejected this call.',
          }),
    },
  });
  // So that whoever watches the run hears of it, though its state is the same.
  await prisma.agentRun.update({
    where: tenantKey(run.id),
    data: { updatedAt: now },
    select: { id: true },
  });
  if (run.status === 'WAITING_APPROVAL' && !(await hasPendingApprovals(services, run))) {
    await jobs.enqueue('run.execute', [{ tenantId: run.tenantId, id: run.id }]);
  }
  await publishRunChange(services, run);
  return { toolCall, run: await requireRun(prisma, run.id, path) };
}
