import type { ExecutionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { GraphQLContext } from '../context.ts';
import { type Execution, executeOperation } from '../execution/execute.ts';
import { SharedResults } from '../shared-results.ts';
import { startSubscription } from '../subscription-executor.ts';
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
      setSubscribeFn((args: ExecutionArgs) => startSubscription(args, shared));
    },
  };
}
