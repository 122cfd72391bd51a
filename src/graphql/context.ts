import type { RequestInfo, Viewer } from '../auth/viewer.ts';
import type { Services } from '../services.ts';
import type { Loaders } from './loaders.ts';

export type { Services } from '../services.ts';

/** What each operation has one of. Resolvers run inside `runWithContext(dbContextOf(viewer, request))`. */
export interface GraphQLContext extends Services {
  viewer: Viewer | null;
  request: RequestInfo;
  loaders: Loaders;
  /** Set once the whole operation was held against the limits of its size. */
  sizeChecked?: boolean;
}
