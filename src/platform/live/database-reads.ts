import { UnavailableError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { toDomainError } from '../postgres/errors.ts';
import { runWithContext, type SessionContext } from '../postgres/request-scope.ts';

/** Reads in `context`, whatever the caller's is. Rejects with UnavailableError when the database is away. */
export async function runAs<T>(context: SessionContext, read: () => Promise<T>): Promise<T> {
  try {
    return await runWithContext(context, read);
  } catch (error) {
    throw toDomainError(error);
  }
}

/**
 * Runs `work` on every item, at most `limit` at a time. An UnavailableError ends it early, since the others would fail like
 * it; any other error is that item's own. Rejects with the first error once all that had begun have ended.
 */
export async function forEachConcurrent<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  let failure: { error: unknown } | undefined;
  let away = false;
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined && !away; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
        away ||= error instanceof UnavailableError;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure) throw failure.error;
}

/** Whether the database can be read. Logs once when that changes, however many readers notice. */
export class OutageLog {
  readonly #log: Logger;
  #away = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  report(err: unknown): void {
    if (!this.#away) this.#log.warn({ err }, 'live views cannot read the database; they wait and keep trying');
    this.#away = true;
  }

  /** @returns whether there was an outage */
  over(): boolean {
    if (!this.#away) return false;
    this.#away = false;
    this.#log.info('live views read the database again');
    return true;
  }
}
