/** Calls `work` again and again while it is started, with a pause after each call. Does not keep the process alive. */
export class PollTimer {
  readonly #work: () => Promise<void>;
  readonly #pauseMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  /** Counts starts, so that a call that outlives a stop does not go on beside the next start. */
  #generation = 0;

  /** @param work must not reject */
  constructor(work: () => Promise<void>, pauseMs: () => number) {
    this.#work = work;
    this.#pauseMs = pauseMs;
  }

  /** Whether it is between start and stop. */
  active = false;

  start(): void {
    if (this.active) return;
    this.active = true;
    this.#schedule(++this.#generation);
  }

  stop(): void {
    this.active = false;
    this.#generation++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(generation: number): void {
    this.#timer = setTimeout(async () => {
      await this.#work();
      if (generation === this.#generation) this.#schedule(generation);
    }, this.#pauseMs()).unref();
  }
}
