import { newId } from '../../../platform/lib/ids.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { conversationEnded, RunFailure } from '../errors.ts';
import { AUTHORIZATION_LOST, findStarter } from '../lease/authorization.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import { takesMessages, writeRunMessage } from '../lifecycle/write-message.ts';
import type { RunServices } from '../services.ts';
import { findRunTools } from '../tools/find-run-tools.ts';
import { type AvailableTools, callTools } from './call-tools.ts';
import { checkLimits } from './limits.ts';
import { runModelStep } from './model-step.ts';
import { resolveModel } from './resolve-model.ts';
import { isOpen, readSteps, type Step, toolResultOf } from './steps.ts';
import { readTranscript, turnsOfStep } from './transcript.ts';

/**
 * Alternates model calls and tool calls until the model requests no more tools or a tool call needs approval. Each step is committed
 * before the next starts, so that another worker can resume the run. Throws RunFailure, LeaseLostError, and the signal's reason.
 */
export async function runAgentLoop(services: RunServices, lease: RunLease, signal: AbortSignal): Promise<void> {
  const found = resolveModel(services, lease);
  const transcript = await readTranscript(services, lease);
  const tools = await findRunTools(services, lease);
  for (;;) {
    signal.throwIfAborted();
    const starter = await findStarter(services, lease.run);
    if (!starter) throw new RunFailure(AUTHORIZATION_LOST.code, AUTHORIZATION_LOST.message);
    const steps = await readSteps(services, lease.run);
    const last = steps.at(-1);
    if (last && !isSettled(last)) {
      if ((await settleStep(services, lease, last, { tools, starter }, signal)) === 'WAITS') return;
      continue;
    }
    await checkLimits(services, lease, steps);
    const { instructions, history, input } = transcript;
    const own = [input, ...steps.flatMap(turnsOfStep)];
    const newTurns = last ? turnsOfStep(last).slice(1) : [...history, input];
    const request = { ...found, instructions, history, own, newTurns, steps, tools };
    if ((await runModelStep(services, lease, request, signal)) === 'ENDED') return;
  }
}

function isSettled({ calls, reported, messageId }: Step): boolean {
  return !calls.some(isOpen) && (reported || messageId === null);
}

/** Executes the tool calls of a step that need no approval, and appends the results to the conversation after the last one. */
async function settleStep(
  services: RunServices,
  lease: RunLease,
  step: Step,
  available: AvailableTools,
  signal: AbortSignal,
): Promise<'CONTINUES' | 'WAITS'> {
  const { prisma } = services;
  const { run } = lease;
  await callTools(services, lease, step, available, signal);
  return withLease(services, lease, async () => {
    const calls = await prisma.toolCall.findMany({
      where: { runId: run.id, iteration: step.iteration },
      orderBy: { position: 'asc' },
    });
    if (calls.some(({ status }) => status === 'WAITING_APPROVAL')) {
      // The run resumes after all pending decisions, even if some were made during the other calls.
      await prisma.agentRun.update({
        where: tenantKey(run.id),
        data: { status: 'WAITING_APPROVAL', leaseOwner: null, leaseExpiresAt: null },
        select: { id: true },
      });
      return 'WAITS';
    }
    // A call that was approved during the execution of the others.
    if (calls.some(isOpen)) return 'CONTINUES';
    if (step.messageId !== null) {
      if (!(await takesMessages(services, run))) throw conversationEnded();
      await writeRunMessage(services, run, {
        id: newId(),
        role: 'TOOL',
        content: '',
        toolResults: calls.map(toolResultOf),
        parentMessageId: step.messageId,
      });
    }
    return 'CONTINUES';
  });
}
