import { requireRights } from '../../../platform/auth/rights.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { textRule } from '../../../platform/graphql/kit/rules.ts';
import { ForbiddenError, InvalidStateError, NotFoundError } from '../../../platform/lib/errors.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { AgentRun } from '../agent-run.ts';
import { hasPendingApprovals } from '../lease/claim.ts';
import { lockRun } from '../lease/locks.ts';
import { publishRunChange } from '../lease/run-lease.ts';
import type { RunControls } from '../services.ts';
import { ToolCall } from '../tool-call.ts';
import { rightsOfTool } from '../tools/tool.ts';

export interface Decision {
  approve: boolean;
  /** For a rejection, the model receives it. */
  reason?: string | undefined;
}

/**
 * Approves or rejects a tool call inside the caller's transaction. After the last pending decision, enqueues the run, which blocks the
 * next run of its conversation until a worker resumes it. Throws NotFoundError, InvalidStateError and ForbiddenError.
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
    throw new InvalidStateError(
      `The tool call does not wait for approval: it is ${call.status.toLowerCase().replaceAll('_', ' ')}.`,
      {
        path,
      },
    );
  }
  const { run } = locked;
  // A program must not approve its own calls.
  if (approve && viewer.apiKeyId !== undefined && viewer.apiKeyId === run.apiKeyId) {
    throw new ForbiddenError(
      'An API key cannot approve tool calls of runs that it started. Use another key, or approve as a user.',
    );
  }
  if (approve) requireRights(viewer, rightsOfTool(call), 'approve this call');
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
            errorMessage: reason ? `This call was rejected: ${reason}` : 'This call was rejected.',
          }),
    },
  });
  // The update increments the run's change number, so that subscribers receive the decision.
  await prisma.agentRun.update({
    where: tenantKey(run.id),
    data: { updatedAt: now },
    select: { id: true },
  });
  if (run.status === 'WAITING_APPROVAL' && !(await hasPendingApprovals(services, run))) {
    await jobs.enqueue('run.execute', [{ tenantId: run.tenantId, id: run.id }]);
  }
  await publishRunChange(services, run);
  return { toolCall, run: await AgentRun.require(prisma, run.id, path) };
}

interface DecisionTexts {
  description: string;
  /** The description of the field `reason`. */
  reason: string;
}

function decisionMutation(name: string, approve: boolean, { description, reason }: DecisionTexts): void {
  mutation(name, {
    description,
    access: 'agent:approve',
    input: (t) => ({
      id: nodeId(t, 'ToolCall', { required: true, description: 'The tool call.' }),
      reason: t.string({ description: reason, validate: textRule(2_000) }),
    }),
    payload: payload(name, 'The tool call after the decision.', {
      toolCall: { type: ToolCall, description: 'The tool call.' },
      run: { type: AgentRun, description: 'The run of the call. It resumes when no other call waits for approval.' },
    }),
    resolve: (input, context) =>
      resolveApproval(context, context.viewer, input.id, { approve, reason: input.reason?.trim() || undefined }),
  });
}

decisionMutation('approveToolCall', true, {
  description: 'Approves a tool call in WAITING_APPROVAL, so that the run executes it.',
  reason: 'Reason of the approval, stored with the call.',
});
decisionMutation('rejectToolCall', false, {
  description: 'Rejects a tool call in WAITING_APPROVAL. The model receives the rejection as the result of the call.',
  reason: 'Reason of the rejection. The model receives it.',
});
