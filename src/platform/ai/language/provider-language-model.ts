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
/** Larger token counts are errors of the provider and must not be charged. */
const MAX_COUNT = 100_000_000;

export function createProviderLanguage(options: ProviderLanguageOptions, report: OnUsage): LanguageModel {
  const { provider, model, sdk, apiKey, limits, backoffMs } = options;
  const id = `${provider}/${model}`;
  const named = `The model ${id}`;
  const call: ModelCallOptions = { model: named, apiKey, maxRetries: MAX_RETRIES, backoffMs, Failure: ModelStepError };

  async function attempt(request: ModelStepRequest, signal: AbortSignal, onText: (text: string) => void, onChunk: () => void) {
    const idle = new AbortController();
    const idleTimeout = startIdleTimeout(limits.firstTokenMs, limits.stallMs, (ms, started) => {
      const what = started ? 'fell silent for' : 'did not begin to answer within';
      idle.abort(new ModelStepError(`${named} ${what} ${ms / 1000} seconds.`, { code: 'MODEL_STALLED', retryable: true }));
    });
    const abortSignal = AbortSignal.any([signal, idle.signal]);
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
        // The stream reports the error too. Without a handler the SDK writes it to the console.
        onError: () => {},
      });
      const answered = await collectStep(fullStream, {
        named,
        limits,
        onText,
        onChunk: () => {
          idleTimeout.touch();
          onChunk();
        },
      });
      abortSignal.throwIfAborted();
      return { ...answered, ...countsOf(request, answered) };
    } catch (error) {
      abortSignal.throwIfAborted();
      throw error;
    } finally {
      idleTimeout.end();
      // A stream that was not read to its end would hold its connection.
      idle.abort();
    }
  }

  async function step(request: ModelStepRequest): Promise<ModelStep> {
    request.signal.throwIfAborted();
    const start = performance.now();
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const message = `${named} did not finish its answer within ${limits.totalMs / 1000} seconds.`;
      stop.abort(new ModelStepError(message, { code: 'MODEL_TIMEOUT', retryable: true }));
    }, limits.totalMs);
    /** Runs a callback. Its error aborts the step without a retry: the model did not fail. */
    const runCallback = (callback: () => void) => {
      try {
        callback();
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
      runCallback(() => request.onRestart?.());
    };
    const onText = (text: string) => runCallback(() => request.onText(text));
    const onChunk = () => {
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
        withUsageReporting(report, { model: id, kind: 'run' }, () => attempt(request, attemptSignal, onText, onChunk)),
      );
      return { ...answered, latencyMs: performance.now() - start, firstTokenMs, retries };
    } finally {
      clearTimeout(timer);
    }
  }

  return { id, provider, model, step };
}

/** The token counts of the provider, or estimates if it reports none. A count of 0 input tokens counts as none. */
function countsOf({ instructions = '', messages, tools }: ModelStepRequest, { text, otherBytes, usage }: CollectedStep) {
  const input = plausibleCount(usage.inputTokens);
  const output = plausibleCount(usage.outputTokens);
  const estimatedOutput = estimateTokens(text) + Math.ceil(otherBytes / 3);
  const inputTokens = input ?? estimateTokens(instructions + JSON.stringify([messages, tools]));
  const outputTokens = output ?? estimatedOutput;
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: Math.min(inputTokens, plausibleCount(usage.inputTokenDetails.cacheReadTokens) ?? 0),
    estimated: input === undefined || (output === undefined && estimatedOutput > 0),
    tokens: inputTokens + outputTokens,
  };
}

function plausibleCount(count: number | undefined): number | undefined {
  return count !== undefined && Number.isSafeInteger(count) && count > 0 && count <= MAX_COUNT ? count : undefined;
}
