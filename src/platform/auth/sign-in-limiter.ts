import type { Redis } from 'ioredis';
import {
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterStoreAbstract,
} from 'rate-limiter-flexible';
import { RateLimitedError } from '../lib/errors.ts';
import type { Database } from '../postgres/database.ts';
import { hashSecret } from './secrets.ts';

export interface SignInLimiterOptions {
  /**
   * The shared store in which all processes count failures. Without one, this process counts in memory, which suffices for the embedded
   * mode.
   */
  store?: { redis: Redis } | { database: Database } | undefined;
  /** Failures allowed for one account from one address within the window. */
  perAccount?: number;
  /** Failures allowed from one address within the window, over all accounts. */
  perAddress?: number;
  windowSeconds?: number;
}

/** An attempt to authenticate. The caller reports its outcome with one of the methods. */
export interface SignInAttempt {
  failed(): Promise<void>;
  succeeded(): Promise<void>;
  /** The secret was not compared: the attempt does not count. */
  cancelled(): Promise<void>;
}

export interface SignInLimiter {
  /**
   * Throws RateLimitedError after too many failed attempts. Call it before comparing a secret.
   * @param account the name of the account, such as an e-mail address
   */
  begin(account: string, ip: string | undefined): Promise<SignInAttempt>;
}

type Shared = Pick<RateLimiterStoreAbstract, 'get' | 'consume' | 'delete'>;

/**
 * Two counters for one limit. The one in memory consumes a point before each attempt, so that concurrent attempts cannot exceed the
 * limit. The shared one consumes a point after each failure, so that no row is locked while a password is compared.
 */
class Counter {
  readonly #points: number;
  readonly #local: RateLimiterMemory;
  readonly #shared: Shared | undefined;

  constructor(name: string, points: number, duration: number, store: SignInLimiterOptions['store']) {
    this.#points = points;
    const options = { keyPrefix: name, points, duration };
    this.#local = new RateLimiterMemory(options);
    this.#shared = store && sharedCounter(options, store);
  }

  async begin(key: string): Promise<void> {
    try {
      await this.#local.consume(key);
    } catch (error) {
      throwRateLimited(error);
    }
    const shared = await this.#shared?.get(key);
    if (shared && shared.consumedPoints >= this.#points) throwRateLimited(shared);
  }

  async failed(key: string): Promise<void> {
    try {
      await this.#shared?.consume(key);
    } catch (error) {
      // The limit is exceeded: `begin` of the next attempt throws.
      if (!(error instanceof RateLimiterRes)) throw error;
    }
  }

  /** Returns the point that `begin` consumed. */
  async undo(key: string): Promise<void> {
    await this.#local.reward(key);
  }

  async reset(key: string): Promise<void> {
    await this.#local.delete(key);
    await this.#shared?.delete(key);
  }
}

interface CounterOptions {
  keyPrefix: string;
  points: number;
  duration: number;
}

function sharedCounter(options: CounterOptions, store: NonNullable<SignInLimiterOptions['store']>): Shared {
  if ('redis' in store) {
    // While Redis is unavailable, the counter in memory applies alone.
    return new RateLimiterRedis({
      ...options,
      storeClient: store.redis,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory(options),
    });
  }
  // Joins the running transaction, which is committed even if the attempt failed.
  const query = ({ text, values }: { text: string; values?: unknown[] }) =>
    store.database.transaction(() => store.database.query({ text, values: values ?? [] }));
  return new RateLimiterPostgres({
    ...options,
    storeClient: { query },
    storeType: 'client',
    schemaName: 'app',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: true,
  });
}

function throwRateLimited(result: unknown): never {
  if (!(result instanceof RateLimiterRes)) throw result;
  const seconds = Math.max(1, Math.ceil(result.msBeforeNext / 1000));
  throw new RateLimitedError(`Too many attempts. Try again in ${seconds} seconds.`, seconds);
}

export function createSignInLimiter(options: SignInLimiterOptions = {}): SignInLimiter {
  const { store, perAccount = 10, perAddress = 100, windowSeconds = 900 } = options;
  const accounts = new Counter('sign-in-account', perAccount, windowSeconds, store);
  const addresses = new Counter('sign-in-address', perAddress, windowSeconds, store);
  return {
    async begin(account, ip = 'unknown') {
      const address = hashSecret(ip);
      const pair = hashSecret(`${account.trim().toLowerCase()} ${ip}`);
      await accounts.begin(pair);
      await addresses.begin(address);
      return {
        async failed() {
          await accounts.failed(pair);
          await addresses.failed(address);
        },
        async succeeded() {
          await accounts.reset(pair);
          await addresses.undo(address);
        },
        async cancelled() {
          await accounts.undo(pair);
          await addresses.undo(address);
        },
      };
    },
  };
}
