import type { Permission } from '../../auth/permissions.ts';
import type { RequestInfo, Viewer } from '../../auth/viewer.ts';
import type { Database } from '../../db/database.ts';
import type { Prisma } from '../../db/prisma.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { ForbiddenError } from '../../lib/errors.ts';
import type { KnowledgeLimits } from '../../lib/knowledge-limits.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RunMeter } from '../../lib/run-meter.ts';
import type { Live } from '../../live/live.ts';
import type { Models } from '../../models/models.ts';
import type { Storage } from '../../storage/storage.ts';

/** What tools, resources and prompts work with: the process's own, handed to them. */
export interface McpServices {
  database: Database;
  prisma: Prisma;
  live: Live;
  jobs: Jobs;
  models: Models;
  runMeter: RunMeter;
  storage: Storage;
  knowledgeLimits: KnowledgeLimits;
  log: Logger;
}

/** Who asks. */
export interface Asker {
  viewer: Viewer;
  request: RequestInfo;
}

/** What one call has. It runs inside `runWithContext(dbContextOf(viewer, request))`. */
export interface McpContext extends McpServices, Asker {
  /** Ends when nobody waits for the answer any more. */
  signal: AbortSignal;
  /** Says how far the call has come, to a client that asked to be told. */
  progress(done: number, total?: number): Promise<void>;
}

export function mayUse({ viewer }: Asker, access: Permission): boolean {
  return viewer.permissions.has(access);
}

/** Throws ForbiddenError. */
export function requireRight(asker: Asker, access: Permission, what: string): void {
  if (!mayUse(asker, access)) throw new ForbiddenError(`Your role or API key does not allow ${what}, which takes ${access}.`);
}
