import { type ExecutionResult, parse, subscribe } from 'graphql';
import { schema } from '../../../src/app/schema.ts';
import { requestContextOf, type Viewer } from '../../../src/platform/auth/viewer.ts';
import { createLoaders } from '../../../src/platform/graphql/loaders.ts';
import type { Live } from '../../../src/platform/live/live.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import type { TestGraph } from '../../testkit/graph.ts';
import { unique } from '../../testkit/tenants.ts';

export interface Subscription {
  next(): Promise<ExecutionResult | undefined>;
  return(): Promise<void>;
}

/** Subscribes as the server does, with each event in the viewer's context. Throws the errors of a rejected subscription. */
export async function open(
  graph: TestGraph,
  live: Live,
  viewer: Viewer | null,
  source: string,
  variables: Record<string, unknown>,
): Promise<Subscription> {
  const request = { requestId: unique('request'), ip: undefined, userAgent: undefined };
  const contextValue = { ...graph.services, live, ...requestContextOf(viewer, request), loaders: createLoaders() };
  const asThem = <T>(work: () => Promise<T>) => runWithContext(contextValue.dbContext, work);
  const result = await asThem(async () =>
    subscribe({ schema, document: parse(source), variableValues: variables, contextValue }),
  );
  if (!('next' in result)) throw result.errors?.[0]?.originalError ?? result.errors?.[0] ?? new Error('no stream and no error');
  return {
    next: () => asThem(async () => (await result.next()).value ?? undefined),
    return: async () => void (await result.return()),
  };
}
