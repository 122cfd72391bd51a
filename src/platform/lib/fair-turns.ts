/**
 * Turns of the event loop for synchronous work, one per iteration, in rotation over keys: the work of one key delays that of another by one
 * turn at most, and I/O of all others happens between turns.
 */
export class FairTurns {
  /** The waiting of each key, in the order in which the keys have their turns. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #scheduled = false;

  /** Resolves when the key has its turn. Do the work in the same tick. */
  take(key: string): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key);
      if (waiting) waiting.push(resolve);
      else this.#waiting.set(key, [resolve]);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#grant();
      this.#schedule();
    });
  }

  #grant(): void {
    const [next] = this.#waiting;
    if (!next) return;
    const [key, waiting] = next;
    this.#waiting.delete(key);
    const grant = waiting.shift();
    if (waiting.length > 0) this.#waiting.set(key, waiting);
    grant?.();
  }
}
