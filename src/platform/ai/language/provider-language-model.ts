import { APICallError, type LanguageModel as SdkLanguageModel, streamText } from 'ai';
import { type AdaptedRequest, adaptRequest, outputLimit } from '../compatibility/adapt-request.ts';
import { smallerPrompt } from '../compatibility/context-window.ts';
import { learnQuirks } from '../compatibility/learn-quirks.ts';
import { promptTokens } from '../compatibility/prompt-size.ts';
import type { Quirks } from '../compatibility/quirks.ts';
import { refusalOf } from '../compatibility/refusal.ts';
import type { ModelCallOptions } from '../model-error.ts';
import type { Endpoint } from '../provider-client.ts';
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
  kind: Endpoint['kind'];
  /** @param usage whether the stream ends with token counts */
  sdk(usage: boolean): SdkLanguageModel;
  apiKey: string | undefined;
  limits: StepLimits;
  backoffMs: number | undefined;
  /** What the model refuses, which this model and its other instances learn. */
  quirks: Quirks;
}

/** The callbacks of one attempt. */
interface AttemptCallbacks {
  onText(text: string): void;
  onRestart(): void;
  onChunk(): void;
}

const MAX_RETRIES = 2;
/** The most changes of one request that a model refuses. */
const MAX_LESSONS = 40;
/** Larger token counts are errors of the provider and must not be charged. */
const MAX_COUNT = 100_000_000;

export function createProviderLanguage(options: ProviderLanguageOptions, report: OnUsage): LanguageModel {
  const { provider, model, kind, sdk, apiKey, limits, backoffMs, quirks } = options;
  const id = `${provider}/${model}`;
  const named = `The model ${id}`;
  const call: ModelCallOptions = { model: named, apiKey, maxRetries: MAX_RETRIES, backoffMs, Failure: ModelStepError };

  /** Calls the model, again after each refusal that another request can avoid. */
  async function attempt(request: ModelStepRequest, signal: AbortSignal, callbacks: AttemptCallbacks) {
    let badImages = false;
    for (let lessons = 0; ; lessons++) {
      const adapted = adaptRequest(request, quirks, badImages);
      try {
        return { ...(await send(adapted, request, signal, callbacks)), adjustments: adapted.adjustments };
      } catch (error) {
        signal.throwIfAborted();
        const refusal = refusalOf(error);
        const lesson = refusal && learnQuirks(quirks, refusal, { ...adapted.request, tools: adapted.sentTools });
        if (!lesson || lessons >= MAX_LESSONS) throw error;
        badImages ||= lesson.kind === 'bad-images';
        // A stream that refuses the request may have begun with text.
        if (!APICallError.isInstance(error)) callbacks.onRestart();
        if (lesson.kind === 'too-many-tools') {
          const message = `The request has ${adapted.sentTools.length} tools, and the provider of ${id} accepts at most ${lesson.limit}. Give the model fewer tools.`;
          throw new ModelStepError(message, { code: 'MODEL_TOO_MANY_TOOLS', retryable: false });
        }
        if (lesson.kind === 'overflow') {
          const { overflow } = lesson;
          quirks.promptTokens = smallerPrompt(overflow, promptTokens(adapted.request), adapted.request.maxOutputTokens);
          const window = overflow.limit === undefined ? '' : ` of ${overflow.limit} tokens`;
          const message = `The prompt exceeds the context window${window} of the model ${id}.`;
          throw new ModelStepError(message, { code: 'MODEL_CONTEXT_EXCEEDED', retryable: false });
        }
      }
    }
  }

  async function send(
    { request: adapted }: AdaptedRequest,
    original: ModelStepRequest,
    signal: AbortSignal,
    { onText, onRestart, onChunk }: AttemptCallbacks,
  ) {
    const idle = new AbortController();
    const idleTimeout = startIdleTimeout(limits.firstTokenMs, limits.stallMs, (ms, started) => {
      const what = started ? 'fell silent for' : 'did not begin to answer within';
      idle.abort(new ModelStepError(`${named} ${what} ${ms / 1000} seconds.`, { code: 'MODEL_STALLED', retryable: true }));
    });
    const abortSignal = AbortSignal.any([signal, idle.signal]);
    const progress = { bytes: 0 };
    const { limit, providerOptions } = outputLimit(quirks, adapted.maxOutputTokens);
    try {
      const { fullStream } = streamText({
        model: sdk(!quirks.refused.has('usage')),
        ...(adapted.instructions?.trim() && { instructions: adapted.instructions }),
        messages: messagesOf(adapted.messages, kind),
        ...(adapted.tools.length > 0 && { tools: toolsOf(adapted.tools) }),
        temperature: adapted.temperature,
        maxOutputTokens: limit,
        ...(providerOptions && { providerOptions }),
        maxRetries: 0,
        abortSignal,
        // The stream reports the error too. Without a handler the SDK writes it to the console.
        onError: () => {},
      });
      const answered = await collectStep(fullStream, {
        named,
        limits,
        progress,
        onText,
        onRestart,
        onChunk: () => {
          idleTimeout.touch();
          onChunk();
        },
      });
      abortSignal.throwIfAborted();
      return { ...answered, ...countsOf(adapted, answered, progress.bytes) };
    } catch (error) {
      if (isCharged(error, progress.bytes)) {
        original.onLost?.({ inputTokens: promptTokens(adapted), outputTokens: Math.ceil(progress.bytes / BYTES_OF_A_TOKEN) });
      }
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
    const callbacks: AttemptCallbacks = {
      onText: (text) => runCallback(() => request.onText(text)),
      onRestart: () => runCallback(() => request.onRestart?.()),
      onChunk: () => {
        firstTokenMs ??= performance.now() - start;
      },
    };
    try {
      const signal = AbortSignal.any([request.signal, stop.signal]);
      const {
        usage: _,
        tokens: __,
        ...answered
      } = await retryModelCall({ ...call, onRetry }, signal, (attemptSignal) =>
        withUsageReporting(report, { model: id, kind: 'run' }, () => attempt(request, attemptSignal, callbacks)),
      );
      return { ...answered, latencyMs: performance.now() - start, firstTokenMs, retries };
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    id,
    provider,
    model,
    get maxPromptTokens() {
      return quirks.promptTokens;
    },
    step,
  };
}

const BYTES_OF_A_TOKEN = 3;

/** Whether the provider charges for a failed request: it had begun to answer, or that is unknown. */
function isCharged(error: unknown, bytes: number): boolean {
  if (bytes > 0) return true;
  return !APICallError.isInstance(error);
}

/** The token counts of the provider, or estimates if it reports none. A count of 0 input tokens counts as none. */
function countsOf(request: ModelStepRequest, { usage }: CollectedStep, bytes: number) {
  const input = plausibleCount(usage.inputTokens);
  const output = plausibleCount(usage.outputTokens);
  const estimatedOutput = Math.ceil(bytes / BYTES_OF_A_TOKEN);
  const inputTokens = input ?? promptTokens(request);
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
