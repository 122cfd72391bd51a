/** Counts in windows of time, without a timer. */
export class FixedWindowCounter {
  readonly #most: number;
  readonly #windowMs: number;
  #count = 0;
  #since = 0;

  constructor(most: number, windowMs: number) {
    this.#most = most;
    this.#windowMs = windowMs;
  }

  /** One more. True when there are too many. */
  add(): boolean {
    const now = performance.now();
    if (now - this.#since > this.#windowMs) {
      this.#since = now;
      this.#count = 0;
    }
    return ++this.#count > this.#most;
  }
}
