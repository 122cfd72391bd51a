import { toModelError } from './map-provider-error.ts';
import type { ModelCallOptions, ModelError } from './model-error.ts';
import { pause } from './rate-limiter.ts';

const MAX_BACKOFF_MS = 20_000;
/** If the provider requests a longer delay, the call fails with `retryAfterSeconds` instead of waiting. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Runs `attempt` with retries and exponential back-off. Throws a `Failure`, or the reason of the caller's signal if it is aborted.
 */
export async function retryModelCall<T>(
  options: ModelCallOptions,
  signal: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    await options.admit?.(signal);
    const timeout = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
    try {
      return await attempt(timeout ? AbortSignal.any([signal, timeout]) : signal);
    } catch (error) {
      signal.throwIfAborted();
      const failure = timeout?.aborted ? timedOut(options) : toModelError(options, error);
      const waitMs = (failure.retryAfterSeconds ?? 0) * 1000;
      if (!failure.retryable || retries >= options.maxRetries || waitMs > MAX_RETRY_AFTER_MS) throw failure;
      options.onRetry?.();
      await pause(Math.max(waitMs, backoff(retries, options.backoffMs)), signal);
    }
  }
}

/** Exponential back-off with 50% jitter, so that calls that failed together do not retry together. */
function backoff(retries: number, firstMs = 500): number {
  const ms = Math.min(MAX_BACKOFF_MS, firstMs * 2 ** retries);
  return ms / 2 + (Math.random() * ms) / 2;
}

function timedOut({ model, timeoutMs = 0, Failure }: ModelCallOptions): ModelError {
  return new Failure(`${model} did not answer within ${timeoutMs / 1000} seconds.`, { code: 'MODEL_TIMEOUT', retryable: true });
}
