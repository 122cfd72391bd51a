import { newId } from '../../../platform/lib/ids.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { conversationEnded, RunFailure } from '../errors.ts';
import { authorizationLost } from '../lease/authorization.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import { takesMessages, writeRunMessage } from '../lifecycle/write-message.ts';
import type { RunServices } from '../services.ts';
import { findRunTools } from '../tools/find-run-tools.ts';
import type { RunTool } from '../tools/tool.ts';
import { callTools } from './call-tools.ts';
import { checkLimits } from './limits.ts';
import { runModelStep } from './model-step.ts';
import { resolveModel } from './resolve-model.ts';
import { isOpen, readSteps, type Step, toolResultOf } from './steps.ts';
import { readTranscript, turnsOfStep } from './transcript.ts';

/**
 * Model, tools, model, until the model has nothing more to ask for, or people have to decide something. Every step is kept before the
 * next, so that whoever takes the run over goes on where it stands. Throws RunFailure, LostRunError, and the signal's reason.
 */
export async function runAgentLoop(services: RunServices, claim: RunLease, signal: AbortSignal): Promise<void> {
  const found = resolveModel(services, claim);
  const transcript = await readTranscript(services, claim);
  const tools = await findRunTools(services, claim);
  for (;;) {
    signal.throwIfAborted();
    const refusal = await authorizationLost(services, claim.run);
    if (refusal) throw new RunFailure(refusal.code, refusal.message);
    const steps = await readSteps(services, claim.run);
    const last = steps.at(-1);
    if (last && !isSettled(last)) {
      if ((await settleStep(services, claim, last, tools, signal)) === 'WAITS') return;
      continue;
    }
    await checkLimits(services, claim, steps);
    const turns = [...transcript.turns, ...steps.flatMap(turnsOfStep)];
    const newTurns = last ? turnsOfStep(last).slice(1) : transcript.turns;
    if ((await runModelStep(services, claim, { ...transcript, ...found, turns, newTurns, steps, tools }, signal)) === 'ENDED')
      return;
  }
}

function isSettled({ calls, reported, messageId }: Step): boolean {
  return !calls.some(isOpen) && (reported || messageId === null);
}

/** Carries out what can be, and tells the conversation when all of it is done. */
async function settleStep(
  services: RunServices,
  claim: RunLease,
  round: Step,
  tools: Map<string, RunTool>,
  signal: AbortSignal,
): Promise<'GOES_ON' | 'WAITS'> {
  const { prisma } = services;
  const { run } = claim;
  await callTools(services, claim, round, tools, signal);
  return withLease(services, claim, async () => {
    const calls = await prisma.toolCall.findMany({
      where: { runId: run.id, iteration: round.iteration },
      orderBy: { position: 'asc' },
    });
    if (calls.some(({ status }) => status === 'WAITING_APPROVAL')) {
      // Somebody may have decided about one of several in the meantime. Nothing goes on before all are decided about.
      await prisma.agentRun.update({
        where: tenantKey(run.id),
        data: { status: 'WAITING_APPROVAL', leaseOwner: null, leaseExpiresAt: null },
        select: { id: true },
      });
      return 'WAITS';
    }
    // Approved while the others were at work.
    if (calls.some(isOpen)) return 'GOES_ON';
    if (round.messageId !== null) {
      if (!(await takesMessages(services, run))) throw conversationEnded();
      await writeRunMessage(services, run, {
        id: newId(),
        role: 'TOOL',
        content: '',
        toolResults: calls.map(toolResultOf),
        parentMessageId: round.messageId,
      });
    }
    return 'GOES_ON';
  });
}
