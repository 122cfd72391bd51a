import type { Models } from '../ai/models.ts';
import type { Auth } from '../auth/auth.ts';
import type { OperationLimits } from '../graphql/operation-limits.ts';
import type { Jobs } from '../jobs/job.ts';
import type { Logger } from '../lib/logger.ts';
import type { Live } from '../live/live.ts';
import type { Mcp } from '../mcp-client/mcp.ts';
import type { Database } from '../postgres/database.ts';
import type { Prisma } from '../postgres/prisma.ts';
import type { Storage } from '../storage/storage.ts';
import type { ModuleServices } from './registry.ts';

/** Services that the composition root creates, one instance per process. */
export interface PlatformServices {
  database: Database;
  prisma: Prisma;
  auth: Auth;
  live: Live;
  jobs: Jobs;
  models: Models;
  mcp: Mcp;
  storage: Storage;
  operationLimits: OperationLimits;
  /** Public URL of this server, without a trailing slash. */
  baseUrl: () => string;
  log: Logger;
}

/** The services of the platform and of every module. */
export interface Services extends PlatformServices, ModuleServices {}

/** The services of a worker process, which serves no requests. */
export type WorkerServices = Omit<Services, 'auth' | 'baseUrl' | 'operationLimits'>;
