import type { ExecutionResult } from 'graphql';
import type { Auth } from '../auth/auth.ts';
import type { RequestInfo, Viewer } from '../auth/viewer.ts';
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
  /** Where clients reach this server, without a slash at the end. */
  baseUrl: () => string;
  log: Logger;
}

/** What each operation has one of. Resolvers run inside `runWithContext(dbContextOf(viewer, request))`. */
export interface GraphQLContext extends Services {
  viewer: Viewer | null;
  request: RequestInfo;
  loaders: Loaders;
  /** Set once the whole operation was held against the limits of its size. */
  sizeChecked?: boolean;
  /** The results of a subscription, once it has started. */
  results?: BufferedIterator<ExecutionResult>;
}
