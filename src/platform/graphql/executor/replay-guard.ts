/** Consecutive failures after which an operation is executed without its plan. */
const MAX_FAILURES = 3;

/**
 * Decides whether to try a plan. A plan that fails is followed by a complete execution, so an operation that always fails would
 * cost twice as much each time. After three runs in a row that ended with errors the guard closes, and the operation goes straight to
 * graphql-js. The first execution without errors opens it again, because a plan could have produced its result. So the guard needs no timer and no
 * trial run, and one client's bad input disables the plan for others only until their next success.
 */
export class ReplayGuard {
  #runs = 0;
  #lastFailure = 0;
  #failures = 0;

  get closed(): boolean {
    return this.#failures >= MAX_FAILURES;
  }

  /** @returns the number of this run, for `failed` */
  begin(): number {
    return ++this.#runs;
  }

  /** A run whose result has errors. Runs that succeed report nothing; a gap in the numbers shows them. */
  failed(run: number): void {
    this.#failures = run === this.#lastFailure + 1 ? this.#failures + 1 : 1;
    this.#lastFailure = run;
  }

  /** An execution without the plan has no errors. */
  open(): void {
    this.#failures = 0;
  }
}
