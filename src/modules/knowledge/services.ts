import type { Models } from '../../platform/ai/models.ts';
import type { Jobs } from '../../platform/jobs/job.ts';
import type { Logger } from '../../platform/lib/logger.ts';
import type { Live } from '../../platform/live/live.ts';
import type { Database } from '../../platform/postgres/database.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import type { Storage } from '../../platform/storage/storage.ts';

export interface KnowledgeLimits {
  /** Maximum size of a file, in bytes. */
  maxUploadBytes: number;
  /** Maximum number of chunks in scope that a vector search compares one by one. A larger scope may use the HNSW index. */
  exactUpTo: number;
  /** Time for which a deleted document can be restored, in days. */
  keepDeletedDays: number;
}

/** The services that functions of this module depend on. Functions that write run inside the caller's transaction. */
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
