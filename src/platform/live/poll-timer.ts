/** Calls `work` repeatedly with a pause after each call, from `start` to `stop`. The timer does not prevent process exit. */
export class PollTimer {
  readonly #work: () => Promise<void>;
  readonly #pauseMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  /** Incremented by start and stop, so that a call that outlives a stop schedules no further call. */
  #generation = 0;

  /** @param work must not reject */
  constructor(work: () => Promise<void>, pauseMs: () => number) {
    this.#work = work;
    this.#pauseMs = pauseMs;
  }

  /** Whether the timer is started. */
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
