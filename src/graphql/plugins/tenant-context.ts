import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { dbContextOf } from '../../auth/viewer.ts';
import { runWithContext } from '../../db/context.ts';
import type { Told } from '../../live/told-to-the-end.ts';
import type { GraphQLContext } from '../context.ts';
import { type Execution, executeOperation } from '../execution/execute.ts';
import { SharedResults, shareKey } from '../shared-results.ts';

/** Runs `work` as the viewer of an operation. */
export function within<T>({ viewer, request }: GraphQLContext, work: () => T): T {
  return runWithContext(dbContextOf(viewer, request), work);
}

/** Executes each event of a subscription as its viewer, unless somebody for whom the result is the same has done so. */
function resultsOf(
  args: ExecutionArgs,
  rows: AsyncIterator<Told<object>>,
  shared: SharedResults,
): AsyncIterableIterator<ExecutionResult> {
  const context = args.contextValue as GraphQLContext;
  const key = context.viewer ? shareKey(args, context.viewer) : undefined;
  const reader = key === undefined ? undefined : shared.reader(key);
  const execution = (told: Told<object>) =>
    within(context, async () => {
      // The world has changed since the last event.
      context.loaders.clear();
      return execute({ ...args, rootValue: told });
    });
  return {
    async next() {
      const { done, value: told } = await rows.next();
      if (done) return { done: true, value: undefined };
      const result = reader && 'row' in told ? reader.get(told.row, () => execution(told)) : execution(told);
      return { done: false, value: result instanceof Promise ? await result : result };
    },
    async return() {
      await rows.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * Runs every operation as its viewer: queries and mutations, the start of a subscription, and each of its events, which a
 * transport may ask for from anywhere.
 */
export function tenantContext(): Plugin<GraphQLContext> {
  const shared = new SharedResults();
  return {
    onExecute({ setExecuteFn }) {
      setExecuteFn((args: ExecutionArgs) =>
        within(args.contextValue as GraphQLContext, () => executeOperation(args as Execution)),
      );
    },
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const rows: unknown = await within(args.contextValue as GraphQLContext, () => createSourceEventStream(args));
        // Every subscription field follows a log: see live-field.ts.
        return isAsyncIterable(rows)
          ? resultsOf(args, rows[Symbol.asyncIterator]() as AsyncIterator<Told<object>>, shared)
          : rows;
      });
    },
  };
}
