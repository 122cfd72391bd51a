import { PlanError } from './plan-error.ts';
import { isPromise, type Value } from './promises.ts';

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

/** The JSON of an object or a list, some of which may still be on its way. */
export class Parts {
  #text = '';
  #done: string[] | undefined;
  #pending: Promise<void>[] | undefined;

  add(before: string, value: Value<string>): void {
    if (!isPromise(value)) {
      this.#text += before + value;
      return;
    }
    this.#done ??= [];
    this.#pending ??= [];
    const done = this.#done;
    const place = done.push(this.#text + before, '') - 1;
    this.#text = '';
    this.#pending.push(
      value.then((text) => {
        done[place] = text;
      }),
    );
  }

  /** The whole of it. */
  end(open: string, close: string): Value<string> {
    const done = this.#done;
    if (!done || !this.#pending) return (this.#text || open) + close;
    done.push(this.#text, close);
    return Promise.all(this.#pending).then(() => done.join(''));
  }

  /** Fails once nothing is under way any more: what goes on alone would fail alone. */
  async fail(error: unknown): Promise<never> {
    await Promise.allSettled(this.#pending ?? []);
    throw error;
  }
}
