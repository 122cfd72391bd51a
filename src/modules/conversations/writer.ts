import type { Database } from '../../db/database.ts';
import type { Prisma } from '../../db/prisma.ts';
import type { Live } from '../../live/live.ts';

/** What writing to a conversation takes: the database, and somebody to tell. */
export interface Writer {
  database: Database;
  prisma: Prisma;
  live: Live;
}
