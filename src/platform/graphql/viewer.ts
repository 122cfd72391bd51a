import type { Viewer } from '../auth/viewer.ts';
import { UnauthenticatedError } from '../lib/errors.ts';
import { runWithContext } from '../postgres/request-scope.ts';
import type { GraphQLContext, SignedInContext } from './context.ts';

/** Runs `work` as the viewer of an operation. */
export function runAsViewer<T>({ dbContext }: GraphQLContext, work: () => T): T {
  return runWithContext(dbContext, work);
}

/** The viewer of a field that only signed-in viewers reach. Throws UnauthenticatedError for others. */
export function requireViewer({ viewer }: GraphQLContext): Viewer {
  if (!viewer) throw new UnauthenticatedError();
  return viewer;
}

/** The context of a signed-in viewer. Throws UnauthenticatedError for others. */
export function requireSignedIn(context: GraphQLContext): SignedInContext {
  requireViewer(context);
  return context as SignedInContext;
}
