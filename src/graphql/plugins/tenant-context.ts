import { createSourceEventStream, type ExecutionArgs } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { ReadyIterator } from '../../live/ready.ts';
import type { Told } from '../../live/told-to-the-end.ts';
import type { GraphQLContext } from '../context.ts';
import { type Execution, executeOperation } from '../execution/execute.ts';
import { LiveResults, readyResults } from '../live-results.ts';
import { SharedResults, shareKey } from '../shared-results.ts';
import { within } from '../within.ts';

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
        const context = args.contextValue as GraphQLContext;
        const rows: unknown = await within(context, () => createSourceEventStream(args));
        if (!isAsyncIterable(rows)) return rows;
        const key = context.viewer ? shareKey(args, context.viewer) : undefined;
        // Every subscription field follows a log: see live-field.ts.
        const results = new LiveResults(
          args,
          rows as ReadyIterator<Told<object>>,
          key === undefined ? undefined : shared.reader(key),
        );
        readyResults.set(context, results);
        return results;
      });
    },
  };
}
