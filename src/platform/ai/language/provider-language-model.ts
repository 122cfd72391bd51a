import { type LanguageModel as SdkLanguageModel, streamText } from 'ai';
import { estimateTokens } from '../embedding/embedding-batches.ts';
import type { ModelCallOptions } from '../model-error.ts';
import { retryModelCall } from '../retry-model-call.ts';
import { type OnUsage, withUsageReporting } from '../usage.ts';
import { type CollectedStep, collectStep } from './collect-step.ts';
import { startIdleTimeout } from './idle-timeout.ts';
import { type LanguageModel, type ModelStep, ModelStepError, type ModelStepRequest } from './language-model.ts';
import type { StepLimits } from './step-limits.ts';
import { messagesOf, toolsOf } from './step-messages.ts';

export interface ProviderLanguageOptions {
  provider: string;
  model: string;
  sdk: SdkLanguageModel;
  apiKey: string | undefined;
  limits: StepLimits;
  backoffMs: number | undefined;
}

const MAX_RETRIES = 2;
/** More than any model reads or writes. Larger counts are mistakes, and not to be paid for. */
const MAX_COUNT = 100_000_000;

export function createProviderLanguage(options: ProviderLanguageOptions, report: OnUsage): LanguageModel {
  const { provider, model, sdk, apiKey, limits, backoffMs } = options;
  const id = `${provider}/${model}`;
  const named = `The model ${id}`;
  const call: ModelCallOptions = { model: named, apiKey, maxRetries: MAX_RETRIES, backoffMs, Failure: ModelStepError };

  async function attempt(request: ModelStepRequest, signal: AbortSignal, onText: (text: string) => void, onPiece: () => void) {
    const silent = new AbortController();
    const silence = startIdleTimeout(limits.firstTokenMs, limits.stallMs, (ms, began) => {
      const what = began ? 'fell silent for' : 'did not begin to answer within';
      silent.abort(new ModelStepError(`${named} ${what} ${ms / 1000} seconds.`, { code: 'MODEL_STALLED', retryable: true }));
    });
    const abortSignal = AbortSignal.any([signal, silent.signal]);
    try {
      const { fullStream } = streamText({
        model: sdk,
        ...(request.instructions?.trim() && { instructions: request.instructions }),
        messages: messagesOf(request.messages),
        ...(request.tools.length > 0 && { tools: toolsOf(request.tools) }),
        temperature: request.temperature,
        maxOutputTokens: request.maxOutputTokens,
        maxRetries: 0,
        abortSignal,
        // The stream tells of it too. Without this the SDK writes it to the console.
        onError: () => {},
      });
      const answered = await collectStep(fullStream, {
        named,
        limits,
        onText,
        onPiece: () => {
          silence.touch();
          onPiece();
        },
      });
      abortSignal.throwIfAborted();
      return { ...answered, ...countsOf(request, answered) };
    } catch (error) {
      abortSignal.throwIfAborted();
      throw error;
    } finally {
      silence.end();
      // A stream that was not read to its end keeps its connection.
      silent.abort();
    }
  }

  async function round(request: ModelStepRequest): Promise<ModelStep> {
    request.signal.throwIfAborted();
    const start = performance.now();
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const message = `${named} did not finish its answer within ${limits.totalMs / 1000} seconds.`;
      stop.abort(new ModelStepError(message, { code: 'MODEL_TIMEOUT', retryable: true }));
    }, limits.totalMs);
    /** What the caller throws is not the model's failure, and no reason for a retry. */
    const tell = (inform: () => void) => {
      try {
        inform();
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    };
    let retries = 0;
    let firstTokenMs: number | undefined;
    const onRetry = () => {
      retries++;
      firstTokenMs = undefined;
      tell(() => request.onRestart?.());
    };
    const onText = (text: string) => tell(() => request.onText(text));
    const onPiece = () => {
      firstTokenMs ??= performance.now() - start;
    };
    try {
      const signal = AbortSignal.any([request.signal, stop.signal]);
      const {
        usage: _,
        otherBytes: __,
        tokens: ___,
        ...answered
      } = await retryModelCall({ ...call, onRetry }, signal, (attemptSignal) =>
        withUsageReporting(report, { model: id, kind: 'run' }, () => attempt(request, attemptSignal, onText, onPiece)),
      );
      return { ...answered, latencyMs: performance.now() - start, firstTokenMs, retries };
    } finally {
      clearTimeout(timer);
    }
  }

  return { id, provider, model, step: round };
}

/** What the provider counted, or estimates where it does not say. Nothing that was read is no count. */
function countsOf({ instructions = '', messages, tools }: ModelStepRequest, { text, otherBytes, usage }: CollectedStep) {
  const input = believed(usage.inputTokens);
  const output = believed(usage.outputTokens);
  const estimatedOutput = estimateTokens(text) + Math.ceil(otherBytes / 3);
  const inputTokens = input ?? estimateTokens(instructions + JSON.stringify([messages, tools]));
  const outputTokens = output ?? estimatedOutput;
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(inputTokens, believed(usage.inputTokenDetails.cacheReadTokens) ?? 0),
    estimated: input === undefined || (output === undefined && estimatedOutput > 0),
    tokens: inputTokens + outputTokens,
  };
}

function believed(count: number | undefined): number | undefined {
  return count !== undefined && Number.isSafeInteger(count) && count > 0 && count <= MAX_COUNT ? count : undefined;
}
