import type { Database } from '../../db/database.ts';
import type { Prisma } from '../../db/prisma.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Mcp } from '../../mcp/mcp.ts';

/** What the functions of this module work with. */
export interface McpServices {
  database: Database;
  prisma: Prisma;
  log: Logger;
  mcp: Mcp;
}
