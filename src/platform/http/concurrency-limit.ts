import { RateLimitedError } from '../lib/errors.ts';

/** Counts what each sender has in progress, such as requests or streams, and limits it. */
export class ConcurrencyLimit {
  readonly #most: number;
  readonly #what: string;
  readonly #inProgress = new Map<string, number>();

  /** @param what the plural in the error, such as `requests in progress` */
  constructor(most: number, what: string) {
    this.#most = most;
    this.#what = what;
  }

  /** Counts one more until the returned function is called. Throws RateLimitedError at the limit. */
  enter(sender: string): () => void {
    const before = this.#inProgress.get(sender) ?? 0;
    if (before >= this.#most) throw new RateLimitedError(`You have ${this.#most} ${this.#what}, the most at once.`, 1);
    this.#inProgress.set(sender, before + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const now = (this.#inProgress.get(sender) ?? 1) - 1;
      if (now > 0) this.#inProgress.set(sender, now);
      else this.#inProgress.delete(sender);
    };
  }
}
