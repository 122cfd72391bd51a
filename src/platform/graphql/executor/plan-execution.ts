import type { GraphQLContext } from '../context.ts';
import { type JsonChunk, mergeChunks } from './json-chunks.ts';

/** An operation has no plan, or its plan does not apply: graphql-js has to execute it. */
export class PlanBailout extends Error {}

export type MaybePromise<T> = T | Promise<T>;

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

export function toArray(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  throw new TypeError('a list field resolved to a value that is not iterable');
}

export interface PlanExecutionOptions {
  context: GraphQLContext;
  rootValue: unknown;
  variables: Record<string, unknown>;
}

/** One execution of a plan: the values that all its fields share, and the number of pending ones. */
export class PlanExecution {
  readonly context: GraphQLContext;
  readonly rootValue: unknown;
  readonly variables: Record<string, unknown>;
  /** The arguments of each field that has some, by the field's number. All objects share them. */
  readonly args: (Record<string, unknown> | undefined)[] = [];
  readonly #out: JsonChunk[] = [];
  #pending = 0;
  #failure: { error: unknown } | undefined;
  #onEnd: (() => void) | undefined;

  constructor({ context, rootValue, variables }: PlanExecutionOptions) {
    this.context = context;
    this.rootValue = rootValue;
    this.variables = variables;
  }

  /** Reserves a place in the output, which `write` fills once the value settles. */
  defer(value: PromiseLike<unknown>, out: JsonChunk[], write: (settled: unknown, out: JsonChunk[]) => void): void {
    const place: JsonChunk[] = [];
    out.push(place);
    this.#pending++;
    value.then(
      (settled) => {
        if (!this.#failure) this.#try(() => write(settled, place));
        mergeChunks(place);
        this.#settled();
      },
      (error: unknown) => {
        this.#failure ??= { error };
        this.#settled();
      },
    );
  }

  /**
   * The complete output. Throws, or rejects, with the first error, after all pending values have settled, so that no rejection is left
   * unhandled.
   */
  run(write: (out: JsonChunk[]) => void): MaybePromise<readonly JsonChunk[]> {
    this.#try(() => write(this.#out));
    if (this.#pending === 0) return this.#complete();
    return new Promise((resolve) => {
      this.#onEnd = () => resolve(undefined);
    }).then(() => this.#complete());
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #settled(): void {
    this.#pending--;
    if (this.#pending === 0) this.#onEnd?.();
  }

  #complete(): readonly JsonChunk[] {
    if (this.#failure) throw this.#failure.error;
    return this.#out;
  }
}
