/**
 * Seals all of the tenants' secrets anew that are not under the newest sealing key. Safe to stop and to run again, and while servers run.
 * Reads SEALING_KEYS or SEALING_KEYS_FILE, and DATABASE_OWNER_URL (DATABASE_URL when absent). Without a database URL it opens the
 * embedded one, whose server must be stopped.
 */
import { openPool } from '../src/db/connect.ts';
import { Database } from '../src/db/database.ts';
import { createPrisma } from '../src/db/prisma.ts';
import { readToolEnv } from '../src/env.ts';
import { createLogger } from '../src/lib/logger.ts';
import { type ResealProgress, resealSecrets } from '../src/modules/mcp/reseal.ts';
import { createSealer } from '../src/sealing/sealer.ts';
import { connectEmbedded } from '../src/server/connections.ts';
import { openDataFolder } from '../src/server/data-folder.ts';
import { sealingKeysOf } from '../src/server/sealing-keys.ts';

const env = readToolEnv();

async function openOwner(): Promise<{ database: Database; close(): Promise<void> }> {
  const connectionString = env.DATABASE_OWNER_URL ?? env.DATABASE_URL;
  if (!connectionString) {
    const folder = openDataFolder(env.AGENTBASE_DATA_DIR);
    const { database, close } = await connectEmbedded(env, folder);
    return { database, close: () => close().finally(() => folder.close()) };
  }
  const pool = openPool({ connectionString, max: 2, connectionTimeoutMs: 10_000, queryTimeoutMs: 60_000 });
  const timeouts = { statementMs: 30_000, lockMs: 30_000, idleInTransactionMs: 30_000 };
  const database = new Database({ pool, timeouts, preparedStatements: env.DATABASE_PREPARED_STATEMENTS, maxWaiting: 100 });
  return { database, close: () => pool.end() };
}

function tell({ tenants, resealed, failed }: ResealProgress): void {
  process.stdout.write(`${tenants} tenants looked at, ${resealed} configurations sealed anew, ${failed} that do not open\n`);
}

try {
  // Before the database: without the right keys there is nothing to do.
  if (env.DATABASE_URL && !env.SEALING_KEYS && !env.SEALING_KEYS_FILE) {
    throw new Error('SEALING_KEYS or SEALING_KEYS_FILE must name the keys that the servers have');
  }
  const sealer = createSealer(await sealingKeysOf(env, createLogger('error')));
  const { database, close } = await openOwner();
  try {
    const prisma = createPrisma(database);
    const { failed } = await resealSecrets({ pool: database.pool, database, prisma, sealer, onProgress: tell });
    await prisma.$disconnect();
    if (failed > 0) throw new Error('some do not open: a key of theirs is missing. Do not drop keys before that is solved.');
  } finally {
    await close();
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
