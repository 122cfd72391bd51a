import type { Logger } from '../../platform/lib/logger.ts';
import type { Mcp } from '../../platform/mcp-client/mcp.ts';
import type { Database } from '../../platform/postgres/database.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';

/** Services that the functions of this module use. */
export interface ToolServerServices {
  database: Database;
  prisma: Prisma;
  log: Logger;
  mcp: Mcp;
}
