import type { FinishReason, ModelStepToolCall } from '../../../platform/ai/language/language-model.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { cleanText, shorten } from '../../../platform/lib/text.ts';
import { removeDraft } from '../../conversations/exports.ts';
import type { Citation } from '../../knowledge/exports.ts';
import { conversationEnded } from '../errors.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import { finishRun } from '../lifecycle/finish-run.ts';
import { takesMessages, writeRunMessage } from '../lifecycle/write-message.ts';
import type { RunServices } from '../services.ts';
import { MAX_CALLS_PER_STEP } from '../settings.ts';
import { argumentError } from '../tools/check-arguments.ts';
import type { RunTool } from '../tools/tool.ts';
import { citationsOf } from './citations.ts';
import { cleanJson } from './clean-json.ts';
import { type LlmCallRecord, recordLlmCall } from './llm-calls.ts';
import type { Step, StepToolCall } from './steps.ts';

export interface ModelAnswer {
  text: string;
  toolCalls: ModelStepToolCall[];
  finishReason: FinishReason;
  estimated: boolean;
  called: LlmCallRecord;
  /** The id its message is to have. Null for a run without a conversation. */
  messageId: string | null;
  /** What the model itself says the text rests on. */
  citations: Citation[];
  steps: Step[];
  tools: Map<string, RunTool>;
}

/** What is kept of the arguments of one call, in characters of JSON. */
const MAX_ARGUMENTS = 262_144;
const MAX_NAME = 200;

interface NewCall extends StepToolCall {
  /** Why it is not to be carried out. */
  refusal: string | undefined;
}

/** Keeps what the model said, all of it or nothing: the call, the message, the tools it asks for; or the end of the run. */
export async function recordModelAnswer(
  services: RunServices,
  claim: RunLease,
  answer: ModelAnswer,
): Promise<'ENDED' | 'GOES_ON'> {
  const { run } = claim;
  const { text, called, messageId, finishReason, estimated } = answer;
  const calls = await checked(newCalls(answer.toolCalls), answer.tools);
  const citations = answer.citations.length > 0 ? answer.citations : citationsOf(text, answer.steps);
  const outcome = await withLease(services, claim, async () => {
    const takes = await takesMessages(services, run);
    const kept = takes ? messageId : null;
    const asked = calls.map(({ refusal, ...call }) => call);
    await recordLlmCall(services, claim, {
      ...called,
      response: { text, toolCalls: asked, messageId: kept, finishReason, estimated },
    });
    if (run.conversationId !== null && kept === null) return 'REFUSED';
    if (kept !== null && run.conversationId !== null) {
      await writeRunMessage(services, run, {
        id: kept,
        role: 'ASSISTANT',
        content: text,
        ...(asked.length > 0 ? { toolCalls: asked } : {}),
        ...(citations.length > 0 ? { citations } : {}),
        model: called.model.slice(0, 100),
        tokenCount: BigInt(called.outputTokens),
        latencyMs: Math.round(called.latencyMs),
        parentMessageId: run.messageId,
        // Such as of an answer that was cut short.
        ...(finishReason === 'stop' || finishReason === 'tool-calls' ? {} : { metadata: { finishReason } }),
      });
      await removeDraft(services.database, run.conversationId);
    }
    if (calls.length === 0) {
      await finishRun(services, run, { status: 'COMPLETED', output: { text } });
      return 'ENDED';
    }
    await addCalls(services, claim, calls, called.iteration, answer.tools);
    return 'GOES_ON';
  });
  // What the model took is kept, though nobody can be told what it said.
  if (outcome === 'REFUSED') throw conversationEnded();
  return outcome;
}

/** Calls that the database takes, whatever the model made up. */
function newCalls(toolCalls: ModelStepToolCall[]): NewCall[] {
  const ids = new Set<string>();
  return toolCalls.map((call, position) => {
    const given = cleanText(call.id)
      .slice(0, MAX_NAME - 4)
      .trim();
    const id = given === '' || ids.has(given) ? `${given}_${position}` : given;
    ids.add(id);
    const clean = cleanJson(call.arguments) as Record<string, unknown>;
    const large = JSON.stringify(clean).length > MAX_ARGUMENTS;
    const refusal =
      position >= MAX_CALLS_PER_STEP
        ? `At most ${MAX_CALLS_PER_STEP} tools can be called at once. Call this one again.`
        : (call.invalid ?? (large ? 'The arguments are too large.' : undefined));
    const usable = call.invalid === undefined && !large;
    return { id, name: cleanText(call.name).slice(0, MAX_NAME).trim() || 'unnamed', arguments: usable ? clean : {}, refusal };
  });
}

/** Nobody is asked to approve a call that would be refused anyway. */
function checked(calls: NewCall[], tools: Map<string, RunTool>): Promise<NewCall[]> {
  return Promise.all(
    calls.map(async (call) => {
      const tool = tools.get(call.name);
      if (!tool || call.refusal !== undefined) return call;
      return { ...call, refusal: await argumentError(tool, call.arguments) };
    }),
  );
}

async function addCalls(
  { prisma }: RunServices,
  { run }: RunLease,
  calls: NewCall[],
  iteration: number,
  tools: Map<string, RunTool>,
): Promise<void> {
  await prisma.toolCall.createMany({
    data: calls.map(({ id: callId, name, arguments: args, refusal }, position) => {
      const tool = tools.get(name);
      return {
        tenantId: run.tenantId,
        id: newId(),
        runId: run.id,
        iteration,
        position,
        callId,
        toolName: name,
        source: tool?.source ?? 'UNKNOWN',
        mcpToolId: tool?.mcpToolId ?? null,
        arguments: args as object,
        // What will not be carried out needs nobody's approval.
        status: tool?.approval && refusal === undefined ? 'WAITING_APPROVAL' : 'PENDING',
        errorMessage: refusal === undefined ? null : shorten(cleanText(refusal), 2_000),
      };
    }),
  });
}
