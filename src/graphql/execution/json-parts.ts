import { PlanError } from './plan-error.ts';

/** What a scalar or enum has serialised, as JSON. Throws PlanError for nothing. */
export function jsonOf(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (value === true) return 'true';
  if (value === false) return 'false';
  // Left to JSON.stringify, this takes three calls.
  if (value instanceof Date) return `"${value.toISOString()}"`;
  const json = value === null ? undefined : (JSON.stringify(value) as string | undefined);
  if (json === undefined) throw new PlanError('a scalar has made nothing of something');
  return json;
}

/** The JSON of an object or a list of which some is still on its way. */
export class Parts {
  readonly #done: string[] = [];
  readonly #pending: Promise<void>[] = [];

  /** @param before what comes before the value, from where the last one ended */
  add(before: string, value: Promise<string>): void {
    const place = this.#done.push(before, '') - 1;
    this.#pending.push(
      value.then((text) => {
        this.#done[place] = text;
      }),
    );
  }

  /** @param after what comes after the last value that was added */
  end(after: string): Promise<string> {
    this.#done.push(after);
    return Promise.all(this.#pending).then(() => this.#done.join(''));
  }

  /** Fails once nothing is under way any more: what goes on alone would fail alone. */
  async fail(error: unknown): Promise<never> {
    await Promise.allSettled(this.#pending);
    throw error;
  }
}
