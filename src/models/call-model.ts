import { APICallError, InvalidResponseDataError } from 'ai';
import { ModelError, type ModelErrorOptions } from './model-error.ts';
import { AnswerTooLargeError } from './provider.ts';
import { pause } from './rate-gate.ts';

export interface CallOptions {
  /** The model as messages name it. */
  model: string;
  /** Never to be seen in a message. */
  apiKey: string | undefined;
  /** Waited for before each attempt, outside of its time. What it throws ends the call. */
  admit?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Of one attempt. */
  timeoutMs: number;
  maxRetries: number;
  /** The first pause before a retry, doubled for each that follows. */
  backoffMs?: number | undefined;
  Failure: new (message: string, options: ModelErrorOptions) => ModelError;
}

const MAX_BACKOFF_MS = 20_000;
/** A provider that wants to be left alone for longer gets its wish: the call fails, and says when to try again. */
const MAX_RETRY_AFTER_MS = 60_000;
const MAX_QUOTE = 300;

function passes(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

/**
 * Runs `attempt`, again with back-off where that can help. Throws a `Failure`; when the caller's signal is aborted, its reason as
 * it is.
 */
export async function callModel<T>(
  options: CallOptions,
  signal: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    await options.admit?.(signal);
    const timeout = AbortSignal.timeout(options.timeoutMs);
    try {
      return await attempt(AbortSignal.any([signal, timeout]));
    } catch (error) {
      signal.throwIfAborted();
      const failure = timeout.aborted ? timedOut(options) : explain(options, error);
      const waitMs = (failure.retryAfterSeconds ?? 0) * 1000;
      if (!failure.retryable || retries >= options.maxRetries || waitMs > MAX_RETRY_AFTER_MS) throw failure;
      await pause(Math.max(waitMs, backoff(retries, options.backoffMs)), signal);
    }
  }
}

/** Half of it by chance, so that those who failed together do not come back together. */
function backoff(retries: number, firstMs = 500): number {
  const ms = Math.min(MAX_BACKOFF_MS, firstMs * 2 ** retries);
  return ms / 2 + (Math.random() * ms) / 2;
}

function timedOut({ model, timeoutMs, Failure }: CallOptions): ModelError {
  return new Failure(`${model} did not answer within ${timeoutMs / 1000} seconds.`, { code: 'MODEL_TIMEOUT', retryable: true });
}

function explain({ model, apiKey, Failure }: CallOptions, error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  if (InvalidResponseDataError.isInstance(error))
    return new Failure(`${model} sent too much or too little: ${error.message}`, { code: 'MODEL_NONSENSE', retryable: false });
  if (!APICallError.isInstance(error)) throw error;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof AnswerTooLargeError)
      return new Failure(`${model} sent an answer that is too large.`, { code: 'MODEL_NONSENSE', retryable: false });
  }
  const { statusCode, isRetryable } = error;
  if (statusCode === undefined) return new Failure(`${model} cannot be reached.`, { code: 'MODEL_UNREACHABLE', retryable: true });
  if (statusCode < 300) {
    // The SDK calls it worth a retry where the connection broke.
    const what = isRetryable ? 'broke off its answer' : 'sent an answer that cannot be read';
    return new Failure(`${model} ${what}.`, { code: 'MODEL_NONSENSE', retryable: isRetryable });
  }
  const said = quote(error.message, apiKey);
  return new Failure(`${model} answered with status ${statusCode}${said && `: ${said}`}`, {
    code: statusCode === 429 || statusCode >= 500 ? 'MODEL_OVERLOADED' : 'MODEL_REFUSED',
    // No pause fills an empty account.
    retryable: passes(statusCode) && !outOfQuota(error.data),
    retryAfterSeconds: retryAfter(error.responseHeaders),
  });
}

function outOfQuota(data: unknown): boolean {
  return (data as { error?: { code?: unknown } } | undefined)?.error?.code === 'insufficient_quota';
}

/** Providers repeat what they were sent, keys included. */
function quote(message: string, apiKey: string | undefined): string {
  const hidden = (apiKey ? message.replaceAll(apiKey, '[key]') : message)
    .replace(/\bsk-[\w*.-]+/g, '[key]')
    .replace(/\bbearer\s+\S+/gi, 'Bearer [key]')
    .replace(/\/\/[^\s/@]*@/g, '//')
    .replace(/\s+/g, ' ')
    .trim();
  return hidden.length > MAX_QUOTE ? `${hidden.slice(0, MAX_QUOTE - 1)}…` : hidden;
}

/** Seconds of a Retry-After header, which is a number or a date. */
function retryAfter(headers: Record<string, string> | undefined): number | undefined {
  const value = headers?.['retry-after']?.trim();
  if (!value) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
