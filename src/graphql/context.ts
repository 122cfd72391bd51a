import type { ExecutionResult } from 'graphql';
import type { Auth } from '../auth/auth.ts';
import type { RequestContext, Viewer } from '../auth/viewer.ts';
import type { Database } from '../db/database.ts';
import type { Prisma } from '../db/prisma.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { KnowledgeLimits } from '../lib/knowledge-limits.ts';
import type { Logger } from '../lib/logger.ts';
import type { RunMeter } from '../lib/run-meter.ts';
import type { BufferedIterator } from '../live/buffered-iterator.ts';
import type { Live } from '../live/live.ts';
import type { Mcp } from '../mcp/mcp.ts';
import type { Models } from '../models/models.ts';
import type { Storage } from '../storage/storage.ts';
import type { Tickets } from '../storage/upload-ticket.ts';
import type { Loaders } from './loaders.ts';
import type { OperationLimits } from './operation-limits.ts';

/** What the process has one of. Made in `src/server/app.ts`. */
export interface Services {
  database: Database;
  prisma: Prisma;
  auth: Auth;
  live: Live;
  jobs: Jobs;
  models: Models;
  mcp: Mcp;
  runMeter: RunMeter;
  storage: Storage;
  tickets: Tickets;
  knowledgeLimits: KnowledgeLimits;
  operationLimits: OperationLimits;
  /** Where clients reach this server, without a slash at the end. */
  baseUrl: () => string;
  log: Logger;
}

/** What each operation has one of. Resolvers run inside `runWithContext(dbContext)`. */
export interface GraphQLContext extends Services, RequestContext {
  loaders: Loaders;
  /** Set once the whole operation was held against the limits of its size. */
  sizeChecked?: boolean;
  /** The results of a subscription, once it has started. */
  results?: BufferedIterator<ExecutionResult>;
}

/** What writes need: the services, and the viewer who writes. The context of a signed-in operation is one. */
export type ActorContext = Services & { viewer: Viewer };

/** The context of an operation that only signed-in viewers reach. */
export type SignedInContext = GraphQLContext & { viewer: Viewer };
