import type { Live } from '../../platform/live/live.ts';
import type { Database } from '../../platform/postgres/database.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';

/** What writing to a conversation takes: the database, and somebody to tell. */
export interface ConversationDeps {
  database: Database;
  prisma: Prisma;
  live: Live;
}
