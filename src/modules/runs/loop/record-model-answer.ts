import type { FinishReason, ModelStepToolCall } from '../../../platform/ai/language/language-model.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { cleanText, shorten } from '../../../platform/lib/text.ts';
import { removeDraft } from '../../conversations/exports.ts';
import type { Citation } from '../../knowledge/exports.ts';
import { type LlmCallRecord, recordLlmCall } from '../../model-usage/exports.ts';
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
import type { Step, StepToolCall } from './steps.ts';

export interface ModelAnswer {
  text: string;
  toolCalls: ModelStepToolCall[];
  finishReason: FinishReason;
  reasoning: string;
  adjustments: string[];
  call: LlmCallRecord;
  /** Id of the message for the answer. Null for a run without a conversation. */
  messageId: string | null;
  /** Citations that the model itself returned. */
  citations: Citation[];
  steps: Step[];
  tools: Map<string, RunTool>;
}

/** Maximum size of the arguments of one call, in characters of JSON. */
const MAX_ARGUMENTS = 262_144;
const MAX_NAME = 200;

interface NewCall extends StepToolCall {
  /** The error of a call that must not be executed. */
  refusal: string | undefined;
}

/** Stores the model call, the message, and the requested tool calls or the end of the run, in one transaction. */
export async function recordModelAnswer(
  services: RunServices,
  lease: RunLease,
  answer: ModelAnswer,
): Promise<'ENDED' | 'CONTINUES'> {
  const { run } = lease;
  const { text, reasoning, adjustments, call: llmCall, messageId, finishReason } = answer;
  const calls = await checkArguments(newCalls(answer.toolCalls), answer.tools);
  const citations = answer.citations.length > 0 ? answer.citations : citationsOf(text, answer.steps);
  const outcome = await withLease(services, lease, async () => {
    const accepts = await takesMessages(services, run);
    const storedId = accepts ? messageId : null;
    const requested = calls.map(({ refusal, ...call }) => call);
    await recordLlmCall(services.database, {
      ...llmCall,
      response: {
        text,
        toolCalls: requested,
        messageId: storedId,
        finishReason,
        ...(reasoning === '' ? {} : { reasoning }),
        ...(adjustments.length === 0 ? {} : { adjustments }),
      },
    });
    if (run.conversationId !== null && storedId === null) return 'REFUSED';
    if (storedId !== null && run.conversationId !== null) {
      await writeRunMessage(services, run, {
        id: storedId,
        role: 'ASSISTANT',
        content: text,
        ...(requested.length > 0 ? { toolCalls: requested.map(({ signature: _, ...call }) => call) } : {}),
        ...(citations.length > 0 ? { citations } : {}),
        model: llmCall.model.slice(0, 100),
        tokenCount: BigInt(llmCall.outputTokens),
        latencyMs: Math.round(llmCall.latencyMs),
        parentMessageId: run.messageId,
        // Such as `length` for a truncated answer.
        ...(finishReason === 'stop' || finishReason === 'tool-calls' ? {} : { metadata: { finishReason } }),
      });
      await removeDraft(services.database, run.conversationId);
    }
    if (calls.length === 0) {
      await finishRun(services, run, { status: 'COMPLETED', output: { text } });
      return 'ENDED';
    }
    await addCalls(services, lease, calls, answer.steps.length + 1, answer.tools);
    return 'CONTINUES';
  });
  // The model call is committed with its cost although the conversation does not accept the answer.
  if (outcome === 'REFUSED') throw conversationEnded();
  return outcome;
}

/** The requested calls with valid, unique ids, names and arguments. */
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
        ? `At most ${MAX_CALLS_PER_STEP} tool calls are allowed in one step. Repeat this call in the next step.`
        : (call.invalid ?? (large ? `The arguments exceed ${MAX_ARGUMENTS} characters of JSON.` : undefined));
    const usable = call.invalid === undefined && !large;
    const name = cleanText(call.name).slice(0, MAX_NAME).trim() || 'unnamed';
    const signature = call.signature === undefined ? {} : { signature: cleanText(call.signature) };
    return { id, name, arguments: usable ? clean : {}, ...signature, refusal };
  });
}

/** Checks arguments before approval, so that invalid calls never wait for one. */
function checkArguments(calls: NewCall[], tools: Map<string, RunTool>): Promise<NewCall[]> {
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
        // Invalid calls need no approval.
        status: tool?.approval && refusal === undefined ? 'WAITING_APPROVAL' : 'PENDING',
        errorMessage: refusal === undefined ? null : shorten(cleanText(refusal), 2_000),
      };
    }),
  });
}
