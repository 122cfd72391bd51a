import type { ExecutionResult } from 'graphql';
import type { RequestContext, Viewer } from '../auth/viewer.ts';
import type { BufferedIterator } from '../live/buffered-iterator.ts';
import type { Services } from '../module/services.ts';
import type { Loaders } from './loaders.ts';

export type { Services } from '../module/services.ts';

/** The context of one operation. Resolvers run inside `runWithContext(dbContext)`. */
export interface GraphQLContext extends Services, RequestContext {
  loaders: Loaders;
  /** Set once the whole operation has been compared with the limits of its size. */
  sizeChecked?: boolean;
  /** The results of a subscription, once it has started. */
  results?: BufferedIterator<ExecutionResult>;
}

/** The services that writes of entities use, with the viewer. Contexts of signed-in operations and of MCP calls are one. */
export type ActorContext = Omit<Services, 'auth' | 'mcp' | 'baseUrl'> & { viewer: Viewer };

/** The context of an operation that only signed-in viewers reach. */
export type SignedInContext = GraphQLContext & { viewer: Viewer };
