import { runWithContext } from '../postgres/request-scope.ts';
import type { GraphQLContext } from './context.ts';

/** Runs `work` as the viewer of an operation. */
export function runAsViewer<T>({ dbContext }: GraphQLContext, work: () => T): T {
  return runWithContext(dbContext, work);
}
