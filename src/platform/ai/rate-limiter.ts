import { setTimeout } from 'node:timers/promises';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

export interface RateLimiterOptions {
  /** Requests in a window. No limit when absent. */
  requests?: number | undefined;
  /** Tokens in a window. No limit when absent. */
  tokens?: number | undefined;
  windowMs?: number | undefined;
}

const KEY = 'model';

/** Keeps this process within what a provider allows. Other processes that share the key count for themselves. */
export class RateLimiter {
  readonly #requests: RateLimiterMemory | undefined;
  readonly #tokens: RateLimiterMemory | undefined;
  readonly #maxTokens: number;

  constructor({ requests, tokens, windowMs = 60_000 }: RateLimiterOptions) {
    const duration = windowMs / 1000;
    this.#requests = requests === undefined ? undefined : new RateLimiterMemory({ points: requests, duration });
    this.#tokens = tokens === undefined ? undefined : new RateLimiterMemory({ points: tokens, duration });
    this.#maxTokens = tokens ?? Number.POSITIVE_INFINITY;
  }

  /** Waits for a place in a window. False when none comes free in `maxWaitMs`. Rejects with the signal's reason. */
  async acquire(tokens: number, maxWaitMs: number, signal: AbortSignal): Promise<boolean> {
    const until = performance.now() + maxWaitMs;
    for (;;) {
      signal.throwIfAborted();
      const waitMs = await this.#take(Math.min(tokens, this.#maxTokens));
      if (waitMs === 0) return true;
      if (performance.now() + waitMs > until) return false;
      await pause(waitMs, signal);
    }
  }

  /** Milliseconds until the next try is worth it; 0 when the request and its tokens have been taken. */
  async #take(tokens: number): Promise<number> {
    const takings = [
      { limiter: this.#requests, points: 1 },
      { limiter: this.#tokens, points: tokens },
    ];
    const results = await Promise.allSettled(takings.map(({ limiter, points }) => limiter?.consume(KEY, points)));
    const refusals = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
    if (refusals.length === 0) return 0;
    // A refused taking counts in the limiter too. Both are given back, or those who wait would use up what they wait for.
    await Promise.all(takings.map(({ limiter, points }) => limiter?.reward(KEY, points)));
    const waits = refusals.map((refusal) => {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return refusal.msBeforeNext;
    });
    return Math.max(1, ...waits);
  }
}

/** Rejects with the signal's own reason, where Node's timer would wrap it. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
