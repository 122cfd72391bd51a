import { dbContextOf } from '../auth/viewer.ts';
import { runWithContext } from '../db/context.ts';
import type { GraphQLContext } from './context.ts';

/** Runs `work` as the viewer of an operation. */
export function within<T>({ viewer, request }: GraphQLContext, work: () => T): T {
  return runWithContext(dbContextOf(viewer, request), work);
}
