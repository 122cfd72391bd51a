import type { ExecutionArgs, ExecutionResult } from 'graphql';
import type { Ready, ReadyIterator } from '../live/ready.ts';
import type { Told } from '../live/told-to-the-end.ts';
import type { GraphQLContext } from './context.ts';
import { executeOperation } from './execution/execute.ts';
import type { ResultReader } from './shared-results.ts';
import { within } from './within.ts';

/**
 * The results of a subscription by the context of its operation, for transports that take what is ready past the iterators that plugins
 * have put around it. Only results without errors are taken so: plugins have nothing to say of them.
 */
export const readyResults = new WeakMap<GraphQLContext, Ready<ExecutionResult>>();

/** A result that others, or nobody, have had executed before. */
interface Coming {
  /** Rejects as the execution does. */
  result: Promise<ExecutionResult>;
  /** Settles with it, and never rejects. */
  settled: Promise<void>;
  /** What it has settled to. */
  value: ExecutionResult | undefined;
  over: boolean;
}

/** Executes each event of a subscription as its viewer, unless somebody for whom the result is the same has done so. */
export class LiveResults implements ReadyIterator<ExecutionResult> {
  readonly #args: ExecutionArgs;
  readonly #rows: ReadyIterator<Told<object>>;
  readonly #reader: ResultReader | undefined;
  /** Of the row that was taken last. */
  #coming: Coming | undefined;

  /** @param reader of the results that are shared with others */
  constructor(args: ExecutionArgs, rows: ReadyIterator<Told<object>>, reader: ResultReader | undefined) {
    this.#args = args;
    this.#rows = rows;
    this.#reader = reader;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    const coming = this.#coming;
    this.#coming = undefined;
    if (coming) return { done: false, value: await coming.result };
    const { done, value: told } = await this.#rows.next();
    if (done) return { done: true, value: undefined };
    const result = this.#resultOf(told);
    return { done: false, value: result instanceof Promise ? await result : result };
  }

  take(): ExecutionResult | undefined {
    if (!this.#coming) {
      const told = this.#rows.take();
      if (!told) return undefined;
      const result = this.#resultOf(told);
      if (!(result instanceof Promise)) return result;
      this.#coming = coming(result);
    }
    const { value } = this.#coming;
    if (!value || value.errors) return undefined;
    this.#coming = undefined;
    return value;
  }

  ready(): Promise<void> | undefined {
    if (!this.#coming) return this.#rows.ready();
    return this.#coming.over ? undefined : this.#coming.settled;
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    await this.#rows.return?.();
    return { done: true, value: undefined };
  }

  /** A result that is there is one without errors. */
  #resultOf(told: Told<object>): ExecutionResult | Promise<ExecutionResult> {
    return this.#reader && 'row' in told ? this.#reader.get(told.row, () => this.#execute(told)) : this.#execute(told);
  }

  #execute(told: Told<object>): Promise<ExecutionResult> {
    const context = this.#args.contextValue as GraphQLContext;
    return within(context, async () => {
      // The world has changed since the last event.
      context.loaders.clear();
      return executeOperation({ ...this.#args, contextValue: context, rootValue: told });
    });
  }
}

function coming(result: Promise<ExecutionResult>): Coming {
  const self: Coming = { result, settled: Promise.resolve(), value: undefined, over: false };
  self.settled = result.then(
    (value) => {
      self.value = value;
      self.over = true;
    },
    () => {
      self.over = true;
    },
  );
  return self;
}
