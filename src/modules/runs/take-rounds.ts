import { tenantKey } from '../../db/tenant-key.ts';
import { newId } from '../../lib/ids.ts';
import { askModel } from './ask-model.ts';
import { callTools } from './call-tools.ts';
import { conversationEnded, RunFailure } from './errors.ts';
import { findModel } from './find-model.ts';
import { checkLimits } from './limits.ts';
import { isOpen, type Round, readRounds, resultOf } from './progress.ts';
import type { RunServices } from './services.ts';
import { authorizationLost } from './standing.ts';
import { findRunTools } from './tools/find-run-tools.ts';
import type { RunTool } from './tools/tool.ts';
import { readTranscript, turnsOfRound } from './transcript.ts';
import { type Claim, underClaim } from './under-claim.ts';
import { takesMessages, writeRunMessage } from './write-message.ts';

/**
 * Model, tools, model, until the model has nothing more to ask for, or people have to decide something. Every step is kept before the
 * next, so that whoever takes the run over goes on where it stands. Throws RunFailure, LostRunError, and the signal's reason.
 */
export async function takeRounds(services: RunServices, claim: Claim, signal: AbortSignal): Promise<void> {
  const found = findModel(services, claim);
  const transcript = await readTranscript(services, claim);
  const tools = await findRunTools(services, claim);
  for (;;) {
    signal.throwIfAborted();
    const refusal = await authorizationLost(services, claim.run);
    if (refusal) throw new RunFailure(refusal.code, refusal.message);
    const rounds = await readRounds(services, claim.run);
    const last = rounds.at(-1);
    if (last && !isSettled(last)) {
      if ((await settleRound(services, claim, last, tools, signal)) === 'WAITS') return;
      continue;
    }
    await checkLimits(services, claim, rounds);
    const turns = [...transcript.turns, ...rounds.flatMap(turnsOfRound)];
    const fresh = last ? turnsOfRound(last).slice(1) : transcript.turns;
    if ((await askModel(services, claim, { ...transcript, ...found, turns, fresh, rounds, tools }, signal)) === 'ENDED') return;
  }
}

function isSettled({ calls, told, messageId }: Round): boolean {
  return !calls.some(isOpen) && (told || messageId === null);
}

/** Carries out what can be, and tells the conversation when all of it is done. */
async function settleRound(
  services: RunServices,
  claim: Claim,
  round: Round,
  tools: Map<string, RunTool>,
  signal: AbortSignal,
): Promise<'GOES_ON' | 'WAITS'> {
  const { prisma } = services;
  const { run } = claim;
  await callTools(services, claim, round, tools, signal);
  return underClaim(services, claim, async () => {
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
        toolResults: calls.map(resultOf),
        parentMessageId: round.messageId,
      });
    }
    return 'GOES_ON';
  });
}
