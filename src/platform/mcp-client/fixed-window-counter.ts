/** Counts events in fixed time windows, without a timer. */
export class FixedWindowCounter {
  readonly #most: number;
  readonly #windowMs: number;
  #count = 0;
  #since = 0;

  constructor(most: number, windowMs: number) {
    this.#most = most;
    this.#windowMs = windowMs;
  }

  /** Counts one event. Returns true if the count exceeds the limit. */
  add(): boolean {
    const now = performance.now();
    if (now - this.#since > this.#windowMs) {
      this.#since = now;
      this.#count = 0;
    }
    return ++this.#count > this.#most;
  }
}
