import type { Database } from '../../db/database.ts';
import type { Prisma } from '../../db/prisma.ts';
import type { Jobs } from '../../jobs/job.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Live } from '../../live/live.ts';
import type { Models } from '../../models/models.ts';
import type { Storage } from '../../storage/storage.ts';
import type { KnowledgeLimits } from './limits.ts';

/** What the functions of this module work with. Those that write run inside the caller's transaction. */
export interface KnowledgeServices {
  database: Database;
  prisma: Prisma;
  live: Live;
  jobs: Jobs;
  models: Models;
  storage: Storage;
  knowledgeLimits: KnowledgeLimits;
  log: Logger;
}
