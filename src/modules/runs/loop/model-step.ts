import {
  type ModelStep as Answer,
  type LanguageMessage,
  type LanguageModel,
  ModelStepError,
  type ModelStepRequest,
} from '../../../platform/ai/language/language-model.ts';
import { ModelError } from '../../../platform/ai/model-error.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { cleanText } from '../../../platform/lib/text.ts';
import { findDraft } from '../../conversations/exports.ts';
import type { Citation } from '../../knowledge/exports.ts';
import { type LlmCallRecord, recordLlmCall } from '../../model-usage/exports.ts';
import { LeaseLostError, RunCancelledError, RunFailure } from '../errors.ts';
import { type RunLease, withLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';
import type { RunTool } from '../tools/tool.ts';
import { fitPrompt } from './fit-prompt.ts';
import { recordModelAnswer } from './record-model-answer.ts';
import { recordedPrompt } from './recorded-prompt.ts';
import type { Step } from './steps.ts';
import type { Turn } from './transcript.ts';

export interface StepRequest {
  model: LanguageModel;
  citations: Citation[];
  instructions: string;
  /** Earlier messages of the conversation, in order. */
  history: Turn[];
  /** The input of the run, then its steps. */
  own: Turn[];
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
  const { model, tools, steps } = request;
  const { conversationId } = run;
  const messageId = conversationId === null ? null : ((await findDraft(database, run.id))?.messageId ?? newId());
  const draft =
    conversationId !== null && messageId !== null
      ? drafts.open({ tenantId: run.tenantId, conversationId, runId: run.id, messageId })
      : undefined;
  const startedAt = performance.now();
  const lost = { inputTokens: 0, outputTokens: 0 };
  let answer: Answer & { omissions: string[] };
  try {
    answer = await askFitting(services, lease, request, {
      temperature: agent.temperature ?? undefined,
      maxOutputTokens: agent.maxTokens ?? undefined,
      signal,
      onText: (text) => draft?.append(text),
      onRestart: () => draft?.restart(),
      onLost: ({ inputTokens, outputTokens }) => {
        lost.inputTokens += inputTokens;
        lost.outputTokens += outputTokens;
      },
    });
  } catch (error) {
    // `finishRun` stores the draft as a partial message.
    await draft?.flush();
    const failure = failureOf(signal.aborted ? signal.reason : error);
    if (failure) await recordFailure(services, lease, request, failure, performance.now() - startedAt, lost);
    throw failure instanceof ModelError ? new RunFailure(failure.code, failure.message) : error;
  } finally {
    await draft?.close();
  }
  const call: LlmCallRecord = {
    ...callRecordOf(lease, request),
    status: 'SUCCESS',
    inputTokens: answer.inputTokens + lost.inputTokens,
    outputTokens: answer.outputTokens + lost.outputTokens,
    cachedTokens: answer.cachedInputTokens,
    estimated: answer.estimated || lost.inputTokens > 0,
    latencyMs: answer.latencyMs,
    firstTokenMs: answer.firstTokenMs,
  };
  const text = cleanText(answer.text);
  if (text.trim() === '' && answer.toolCalls.length === 0) {
    const message = `The model ${model.id} returned no answer (${answer.finishReason}).`;
    const error = { code: 'MODEL_NO_ANSWER', message };
    await withLease(services, lease, () => recordLlmCall(database, { ...call, status: 'ERROR', error }));
    throw new RunFailure(error.code, message);
  }
  return recordModelAnswer(services, lease, {
    text,
    toolCalls: answer.toolCalls,
    finishReason: answer.finishReason,
    reasoning: cleanText(answer.reasoning),
    adjustments: [...answer.omissions, ...answer.adjustments].map(cleanText),
    call,
    messageId,
    citations: request.citations,
    steps,
    tools,
  });
}

/** The most refusals of one prompt as too long. */
const MAX_SHORTENINGS = 8;

type StepOptions = Pick<ModelStepRequest, 'temperature' | 'maxOutputTokens' | 'signal' | 'onText' | 'onRestart' | 'onLost'>;

/** Calls the model with as much of the prompt as its context window takes, which is learned from its refusals. */
async function askFitting(
  services: RunServices,
  lease: RunLease,
  request: StepRequest,
  options: StepOptions,
): Promise<Answer & { omissions: string[] }> {
  const { model, instructions, history, own } = request;
  const tools = [...request.tools.values()].map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  const parts = { instructions, tools, history: history.map(messageOf), own: own.map(messageOf) };
  for (let shortenings = 0; ; shortenings++) {
    const { messages, omissions, fits } = fitPrompt(parts, promptLimit(model, lease));
    if (!fits && model.maxPromptTokens !== undefined) {
      const message = `The instructions, tools and input of the run exceed the context window of the model ${model.id}. Shorten them, or use another model.`;
      throw new ModelStepError(message, { code: 'MODEL_CONTEXT_EXCEEDED', retryable: false });
    }
    const startedAt = performance.now();
    try {
      return { ...(await model.step({ ...options, instructions, tools, messages })), omissions };
    } catch (error) {
      const refused = error instanceof ModelError && error.code === 'MODEL_CONTEXT_EXCEEDED';
      if (!refused || shortenings >= MAX_SHORTENINGS || options.signal.aborted) throw error;
      await recordFailure(services, lease, request, error, performance.now() - startedAt);
    }
  }
}

/** The tokens of the agent's context window that are not reserved for the answer. */
const ANSWER_TOKENS = 4_096;

function promptLimit({ maxPromptTokens = Number.POSITIVE_INFINITY }: LanguageModel, { agent }: RunLease): number {
  const { contextTokens, maxTokens } = agent;
  if (contextTokens === null) return maxPromptTokens;
  const answer = Math.min(maxTokens ?? ANSWER_TOKENS, Math.floor(contextTokens / 2));
  return Math.min(maxPromptTokens, contextTokens - answer);
}

/** The errors that are recorded as calls. After a shutdown or a lost lease, another worker repeats the call. */
function failureOf(error: unknown): ModelError | RunFailure | RunCancelledError | undefined {
  if (error instanceof LeaseLostError) return undefined;
  return error instanceof ModelError || error instanceof RunFailure || error instanceof RunCancelledError ? error : undefined;
}

function callRecordOf({ run }: RunLease, { model, instructions, newTurns, steps, tools }: StepRequest) {
  const first = steps.length === 0 ? { instructions, tools: [...tools.keys()] } : {};
  return {
    kind: 'RUN' as const,
    runId: run.id,
    conversationId: run.conversationId,
    agentId: run.agentId,
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
  { inputTokens, outputTokens } = { inputTokens: 0, outputTokens: 0 },
): Promise<void> {
  const code = failure instanceof RunCancelledError ? 'CANCELLED' : failure.code;
  const message = failure instanceof RunCancelledError ? 'The run was cancelled during the answer.' : failure.message;
  await withLease(services, lease, () =>
    recordLlmCall(services.database, {
      ...callRecordOf(lease, request),
      status: code === 'TIMEOUT' || code === 'MODEL_TIMEOUT' ? 'TIMEOUT' : 'ERROR',
      error: { code, message },
      inputTokens,
      outputTokens,
      cachedTokens: 0,
      estimated: inputTokens > 0,
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
  const toolResults = turn.results.map(({ toolCallId, name, output, images, error }) => ({
    toolCallId,
    name: nameOf(name),
    output: error ?? output,
    ...(images ? { images } : {}),
    isError: error !== null,
  }));
  return { role: 'tool', toolResults };
}
