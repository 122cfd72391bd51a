import { UnavailableError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { toDomainError } from '../postgres/errors.ts';
import { runWithContext, type SessionContext } from '../postgres/request-scope.ts';

/** Reads in `context` instead of the caller's. Rejects with UnavailableError if the database is unavailable. */
export async function runAs<T>(context: SessionContext, read: () => Promise<T>): Promise<T> {
  try {
    return await runWithContext(context, read);
  } catch (error) {
    throw toDomainError(error);
  }
}

/**
 * Runs `work` on every item, at most `limit` concurrently. An UnavailableError stops it early, since the other items would fail as well; other
 * errors do not affect other items. Rejects with the first error after all started calls have settled.
 */
export async function forEachConcurrent<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  let failure: { error: unknown } | undefined;
  let unavailable = false;
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined && !unavailable; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
        unavailable ||= error instanceof UnavailableError;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure) throw failure.error;
}

/** Tracks whether the database is readable, and logs each change once. */
export class OutageLog {
  readonly #log: Logger;
  #outage = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  report(err: unknown): void {
    if (!this.#outage) this.#log.warn({ err }, 'live view database reads failed; retrying');
    this.#outage = true;
  }

  /** @returns whether there was an outage */
  over(): boolean {
    if (!this.#outage) return false;
    this.#outage = false;
    this.#log.info('live view database reads recovered');
    return true;
  }
}
