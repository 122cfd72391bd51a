import { setTimeout } from 'node:timers/promises';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

export interface RateLimiterOptions {
  /** The most requests in a window. @default no limit */
  requests?: number | undefined;
  /** The most tokens in a window. @default no limit */
  tokens?: number | undefined;
  windowMs?: number | undefined;
}

const KEY = 'model';

/** Enforces the rate limits of a provider in this process. Other processes with the same key count separately. */
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

  /** Waits for capacity. Returns false if there is none within `maxWaitMs`. Rejects with the reason of the signal if it is aborted. */
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

  /** Returns 0 if it consumed the request and its tokens, otherwise the milliseconds until the next attempt. */
  async #take(tokens: number): Promise<number> {
    const charges = [
      { limiter: this.#requests, points: 1 },
      { limiter: this.#tokens, points: tokens },
    ];
    const results = await Promise.allSettled(charges.map(({ limiter, points }) => limiter?.consume(KEY, points)));
    const rejections = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
    if (rejections.length === 0) return 0;
    // The limiter also counts rejected points. Both are returned, because waiting requests would otherwise exhaust the window.
    await Promise.all(charges.map(({ limiter, points }) => limiter?.reward(KEY, points)));
    const waits = rejections.map((rejection) => {
      if (!(rejection instanceof RateLimiterRes)) throw rejection;
      return rejection.msBeforeNext;
    });
    return Math.max(1, ...waits);
  }
}

/** Waits. Rejects with the reason of the signal itself, while the timer of Node.js wraps it. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
