import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Viewer } from '../auth/viewer.ts';
import { RateLimitedError } from '../lib/errors.ts';

export interface RateLimit {
  /** Counts one request of a credential, or of an address without one. Throws RateLimitedError. */
  take(viewer: Viewer | null, ip: string | undefined): Promise<void>;
}

/** The name by which limits count: the credential of a viewer, or the address of a request without one. */
export function senderOf(viewer: Viewer | null, ip: string | undefined): string {
  return viewer ? (viewer.apiKeyId ?? `${viewer.tenantId}:${viewer.userId}`) : (ip ?? 'unknown');
}

/** Counts in Redis for all processes, and in memory without Redis or while it is unavailable. */
export function createRateLimit(perMinute: { credential: number; anonymous: number }, redis: Redis | undefined): RateLimit {
  const limiter = (keyPrefix: string, points: number) => {
    const memory = new RateLimiterMemory({ keyPrefix, points, duration: 60 });
    if (!redis) return memory;
    return new RateLimiterRedis({ storeClient: redis, keyPrefix, points, duration: 60, insuranceLimiter: memory });
  };
  const credentials = limiter('rate:credential', perMinute.credential);
  const addresses = limiter('rate:address', perMinute.anonymous);
  return {
    async take(viewer, ip) {
      try {
        await (viewer ? credentials : addresses).consume(senderOf(viewer, ip));
      } catch (result) {
        if (!(result instanceof RateLimiterRes)) throw result;
        const seconds = Math.max(1, Math.ceil(result.msBeforeNext / 1000));
        throw new RateLimitedError(`Too many requests. Try again in ${seconds} seconds.`, seconds);
      }
    },
  };
}
