import type { ExecutionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { GraphQLContext } from '../../context.ts';
import { executeOperation, type OperationExecution } from '../../executor/execute.ts';
import { runAsViewer } from '../../viewer.ts';
import { EventResultCache } from '../event-result-cache.ts';
import { startSubscription } from '../subscription-executor.ts';

/**
 * Runs every operation as its viewer: queries and mutations, the start of a subscription, and each of its events, which a transport
 * requests in any async context.
 */
export function useTenantContext(): Plugin<GraphQLContext> {
  const shared = new EventResultCache();
  return {
    onExecute({ setExecuteFn }) {
      setExecuteFn((args: ExecutionArgs) =>
        runAsViewer(args.contextValue as GraphQLContext, () => executeOperation(args as OperationExecution)),
      );
    },
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn((args: ExecutionArgs) => startSubscription(args, shared));
    },
  };
}
