import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connectEmbedded } from '../src/app/connections.ts';
import { openDataFolder } from '../src/app/data-folder.ts';
import type { Env } from '../src/env.ts';
import { openPool } from '../src/platform/postgres/connect.ts';
import { Database } from '../src/platform/postgres/database.ts';

/**
 * Opens the database as the owner of its tables: DATABASE_OWNER_URL, or DATABASE_URL. Without either it opens the embedded database, whose
 * server must be stopped.
 */
export async function openOwner(env: Env): Promise<{ database: Database; close(): Promise<void> }> {
  const connectionString = env.DATABASE_OWNER_URL ?? env.DATABASE_URL;
  if (!connectionString) return openEmbeddedOwner(env);
  const pool = openPool({ connectionString, max: 2, connectionTimeoutMs: 10_000, queryTimeoutMs: 60_000 });
  const timeouts = { statementMs: 30_000, lockMs: 30_000, idleInTransactionMs: 30_000 };
  const database = new Database({ pool, timeouts, preparedStatements: env.DATABASE_PREPARED_STATEMENTS, maxWaiting: 100 });
  return { database, close: () => pool.end() };
}

async function openEmbeddedOwner(env: Env) {
  const path = env.AGENTBASE_DATA_DIR;
  if (!existsSync(join(path, 'postgres'))) {
    throw new Error(`${path} has no database: start Agentbase once to create it, or set DATABASE_OWNER_URL`);
  }
  const onLost = () => {
    console.error(`${path} was taken over by another process.`);
    process.exit(1);
  };
  const folder = await openDataFolder(path, { onLost });
  try {
    const { database, close } = await connectEmbedded(env, folder);
    return { database, close: () => close().finally(() => folder.close()) };
  } catch (error) {
    folder.close();
    throw error;
  }
}
