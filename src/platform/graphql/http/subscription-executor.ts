import { createSourceEventStream, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { BufferedIterator, type StreamItem } from '../../live/buffered-iterator.ts';
import type { GraphQLContext } from '../context.ts';
import { executeOperation } from '../executor/execute.ts';
import { runAsViewer } from '../viewer.ts';
import { type EventResultCache, type EventResultReader, resultCacheKey } from './event-result-cache.ts';

/**
 * Starts a subscription as its viewer. It also stores the results in the context of the operation for transports, because plugins wrap
 * the returned iterator in plain ones. See `bufferedResultsOf`.
 * @returns a result with errors if the subscription is rejected
 */
export async function startSubscription(args: ExecutionArgs, shared: EventResultCache): Promise<unknown> {
  const context = args.contextValue as GraphQLContext;
  const items: unknown = await runAsViewer(context, () => createSourceEventStream(args));
  if (!(items instanceof BufferedIterator)) {
    if (typeof items === 'object' && items !== null && Symbol.asyncIterator in items)
      throw new Error('a subscription field must return a BufferedIterator: declare it with logSubscription');
    return items;
  }
  const key = context.viewer ? resultCacheKey(args, context.viewer) : undefined;
  context.results = executeEvents(args, items, key === undefined ? undefined : shared.reader(key));
  return context.results;
}

/**
 * Executes each event of a subscription as its viewer, unless another subscription with the same result has executed it.
 * @param reader reads the results that subscriptions share
 */
export function executeEvents(
  args: ExecutionArgs,
  items: BufferedIterator<StreamItem<object>>,
  reader: EventResultReader | undefined,
): BufferedIterator<ExecutionResult> {
  const context = args.contextValue as GraphQLContext;
  const execute = (item: StreamItem<object>): Promise<ExecutionResult> =>
    runAsViewer(context, async () => {
      // The data may have changed since the last event.
      context.loaders.clear();
      return executeOperation({ ...args, contextValue: context, rootValue: item });
    });
  return items.map((item) => (reader && 'row' in item ? reader.get(item.row, () => execute(item)) : execute(item)), {
    // Plugins mask and log errors.
    onlyNext: ({ errors }) => errors !== undefined,
  });
}

/**
 * The results of a subscription for a transport: those without errors as soon as they are in memory, errors and the end through the
 * iterators that plugins have wrapped around them. Throws if the context is not the operation's own.
 */
export function bufferedResultsOf(
  { results }: Pick<GraphQLContext, 'results'>,
  wrapped: AsyncIterable<ExecutionResult>,
): BufferedIterator<ExecutionResult> {
  if (!results) throw new Error('a subscription has no results in its context: Yoga passes another context to its transports');
  return results.through(wrapped);
}
