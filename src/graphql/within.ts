import { runWithContext } from '../db/context.ts';
import type { GraphQLContext } from './context.ts';

/** Runs `work` as the viewer of an operation. */
export function within<T>({ dbContext }: GraphQLContext, work: () => T): T {
  return runWithContext(dbContext, work);
}
