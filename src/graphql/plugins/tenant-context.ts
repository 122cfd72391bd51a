import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { dbContextOf } from '../../auth/viewer.ts';
import { runWithContext } from '../../db/context.ts';
import type { GraphQLContext } from '../context.ts';

/** Runs `work` as the viewer of an operation. */
export function within<T>({ viewer, request }: GraphQLContext, work: () => T): T {
  return runWithContext(dbContextOf(viewer, request), work);
}

/** Results that are each worked out as the viewer of the operation, wherever they are asked for. */
export function iterateWithin<T>(
  context: GraphQLContext,
  results: AsyncIterable<T>,
  beforeEach: () => void = () => {},
): AsyncIterableIterator<T> {
  const iterator = results[Symbol.asyncIterator]();
  return {
    next: () => {
      beforeEach();
      return within(context, () => iterator.next());
    },
    return: () => within(context, async () => (await iterator.return?.()) ?? { done: true as const, value: undefined }),
    throw: (error: unknown) => within(context, async () => (await iterator.throw?.(error)) ?? Promise.reject(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * Runs every operation as its viewer: queries and mutations, the start of a subscription, and each of its events, which a
 * transport may ask for from anywhere. An event gets fresh loaders, for the world has changed since the last.
 */
export function tenantContext(): Plugin<GraphQLContext> {
  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn((args) => within(args.contextValue as GraphQLContext, () => executeFn(args)));
    },
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn(async (args) => {
        const context = args.contextValue as GraphQLContext;
        const result: unknown = await within(context, () => subscribeFn(args));
        return isAsyncIterable(result) ? iterateWithin(context, result, () => context.loaders.clear()) : result;
      });
    },
  };
}
