import type { ModelStep as Answer, LanguageMessage, LanguageModel } from '../../../platform/ai/language/language-model.ts';
import { ModelError } from '../../../platform/ai/model-error.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { cleanText } from '../../../platform/lib/text.ts';
import { findDraft } from '../../conversations/exports.ts';
import type { Citation } from '../../knowledge/exports.ts';
import { LeaseLostError, RunCancelledError, RunFailure } from '../errors.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import type { RunTool } from '../tools/tool.ts';
import { type LlmCallRecord, recordLlmCall } from './llm-calls.ts';
import { recordModelAnswer } from './record-model-answer.ts';
import { recordedPrompt } from './recorded-prompt.ts';
import type { Step } from './steps.ts';
import type { Turn } from './transcript.ts';

export interface StepRequest {
  model: LanguageModel;
  citations: Citation[];
  instructions: string;
  /** The whole conversation, in order. */
  turns: Turn[];
  /** The turns that the previous call did not contain. */
  newTurns: Turn[];
  steps: Step[];
  tools: Map<string, RunTool>;
}

/** Calls the model once, streams its answer into the draft, and stores it. Throws RunFailure, LeaseLostError, and the signal's reason. */
export async function runModelStep(
  services: RunServices,
  lease: RunLease,
  request: StepRequest,
  signal: AbortSignal,
): Promise<'ENDED' | 'CONTINUES'> {
  const { database, drafts } = services;
  const { run, agent } = lease;
  const { model, instructions, turns, tools, steps } = request;
  const { conversationId } = run;
  const messageId = conversationId === null ? null : ((await findDraft(database, run.id))?.messageId ?? newId());
  const draft =
    conversationId !== null && messageId !== null
      ? drafts.open({ tenantId: run.tenantId, conversationId, runId: run.id, messageId })
      : undefined;
  const startedAt = performance.now();
  let answer: Answer;
  try {
    answer = await model.step({
      instructions,
      messages: turns.map(messageOf),
      tools: [...tools.values()].map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
      ...(agent.temperature === null ? {} : { temperature: agent.temperature }),
      ...(agent.maxTokens === null ? {} : { maxOutputTokens: agent.maxTokens }),
      signal,
      onText: (text) => draft?.append(text),
      onRestart: () => draft?.restart(),
    });
  } catch (error) {
    // `finishRun` stores the draft as a partial message.
    await draft?.flush();
    const failure = failureOf(signal.aborted ? signal.reason : error);
    if (failure) await recordFailure(services, lease, request, failure, performance.now() - startedAt);
    throw failure instanceof ModelError ? new RunFailure(failure.code, failure.message) : error;
  } finally {
    await draft?.close();
  }
  const call: LlmCallRecord = {
    ...callRecordOf(request),
    status: 'SUCCESS',
    inputTokens: answer.inputTokens,
    outputTokens: answer.outputTokens,
    cachedTokens: answer.cachedInputTokens,
    latencyMs: answer.latencyMs,
    firstTokenMs: answer.firstTokenMs,
  };
  const text = cleanText(answer.text);
  if (text.trim() === '' && answer.toolCalls.length === 0) {
    const message = `The model ${model.id} returned no answer (${answer.finishReason}).`;
    const error = { code: 'MODEL_NO_ANSWER', message };
    await withLease(services, lease, () => recordLlmCall(services, lease, { ...call, status: 'ERROR', error }));
    throw new RunFailure(error.code, message);
  }
  return recordModelAnswer(services, lease, {
    text,
    toolCalls: answer.toolCalls,
    finishReason: answer.finishReason,
    estimated: answer.estimated,
    call,
    messageId,
    citations: request.citations,
    steps,
    tools,
  });
}

/** The errors that are recorded as calls. After a shutdown or a lost lease, another worker repeats the call. */
function failureOf(error: unknown): ModelError | RunFailure | RunCancelledError | undefined {
  if (error instanceof LeaseLostError) return undefined;
  return error instanceof ModelError || error instanceof RunFailure || error instanceof RunCancelledError ? error : undefined;
}

function callRecordOf({ model, instructions, newTurns, steps, tools }: StepRequest) {
  const first = steps.length === 0 ? { instructions, tools: [...tools.keys()] } : {};
  return {
    iteration: steps.length + 1,
    provider: model.provider,
    model: model.model,
    prompt: recordedPrompt({ ...first, messages: newTurns }),
  };
}

async function recordFailure(
  services: RunServices,
  lease: RunLease,
  request: StepRequest,
  failure: ModelError | RunFailure | RunCancelledError,
  latencyMs: number,
): Promise<void> {
  const code = failure instanceof RunCancelledError ? 'CANCELLED' : failure.code;
  const message = failure instanceof RunCancelledError ? 'The run was cancelled during the answer.' : failure.message;
  await withLease(services, lease, () =>
    recordLlmCall(services, lease, {
      ...callRecordOf(request),
      status: code === 'TIMEOUT' || code === 'MODEL_TIMEOUT' ? 'TIMEOUT' : 'ERROR',
      error: { code, message },
      inputTokens: 0,
      outputTokens: 0,
      cachedTokens: 0,
      latencyMs,
    }),
  );
}

/** Providers reject names with other characters, which models may invent. */
function nameOf(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || 'unnamed';
}

function messageOf(turn: Turn): LanguageMessage {
  if (turn.role === 'user') return turn;
  if (turn.role === 'assistant') {
    return { ...turn, toolCalls: turn.toolCalls.map((call) => ({ ...call, name: nameOf(call.name) })) };
  }
  const toolResults = turn.results.map(({ toolCallId, name, output, error }) => ({
    toolCallId,
    name: nameOf(name),
    output: error ?? output,
    isError: error !== null,
  }));
  return { role: 'tool', toolResults };
}
