import type { GraphQLContext } from '../context.ts';
import type { Value } from './promises.ts';
import { condense, type Written } from './written.ts';

export interface RunOptions {
  context: GraphQLContext;
  rootValue: unknown;
  variables: Record<string, unknown>;
}

/** One execution of a plan: what is the same for all its fields, and how much of it is under way. */
export class Run {
  readonly context: GraphQLContext;
  readonly rootValue: unknown;
  readonly variables: Record<string, unknown>;
  /** The arguments of each field that has some, by the field's number: the same for all objects. */
  readonly args: (Record<string, unknown> | undefined)[] = [];
  readonly #out: Written[] = [];
  #underWay = 0;
  #failure: { error: unknown } | undefined;
  #onEnd: (() => void) | undefined;

  constructor({ context, rootValue, variables }: RunOptions) {
    this.context = context;
    this.rootValue = rootValue;
    this.variables = variables;
  }

  /** Keeps a place in what is written, for `write` to fill once the value is there. */
  later(value: PromiseLike<unknown>, out: Written[], write: (settled: unknown, out: Written[]) => void): void {
    const place: Written[] = [];
    out.push(place);
    this.#underWay++;
    value.then(
      (settled) => {
        if (!this.#failure) this.#try(() => write(settled, place));
        condense(place);
        this.#arrived();
      },
      (error: unknown) => {
        this.#failure ??= { error };
        this.#arrived();
      },
    );
  }

  /**
   * What was written, once it is whole. Throws, or rejects, with the first error, once nothing is under way any more: what went on alone
   * would fail alone.
   */
  start(write: (out: Written[]) => void): Value<readonly Written[]> {
    this.#try(() => write(this.#out));
    if (this.#underWay === 0) return this.#whole();
    return new Promise((resolve) => {
      this.#onEnd = () => resolve(undefined);
    }).then(() => this.#whole());
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #arrived(): void {
    this.#underWay--;
    if (this.#underWay === 0) this.#onEnd?.();
  }

  #whole(): readonly Written[] {
    if (this.#failure) throw this.#failure.error;
    return this.#out;
  }
}
