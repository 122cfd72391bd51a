import type { Logger } from '../lib/logger.ts';

/** Whether the database can be read. Says so in the log once when that changes, however many notice. */
export class Outage {
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
