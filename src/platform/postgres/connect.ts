import { mkdirSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { citext } from '@electric-sql/pglite/contrib/citext';
import { vector } from '@electric-sql/pglite-pgvector';
import pg from 'pg';
import { PgliteSocket } from './protocol/pglite-socket.ts';

export interface EmbeddedPostgres {
  pool: pg.Pool;
  /** Returns the current data folder as a gzipped tar. */
  dump(): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Opens the embedded PostgreSQL in `folder`, or in memory for `memory://`.
 * @param clone a dump of `PGlite.dumpDataDir` to start from instead of an empty folder
 */
export async function openEmbedded(folder: string, clone?: Blob): Promise<EmbeddedPostgres> {
  if (!folder.startsWith('memory://')) mkdirSync(folder, { recursive: true });
  const pglite = await PGlite.create({
    dataDir: folder,
    extensions: { btree_gin, citext, vector },
    ...(clone ? { loadDataDir: clone } : {}),
  });
  const pool = new pg.Pool({
    // PGlite has one session: a second connection would share its transaction.
    max: 1,
    stream: () => new PgliteSocket(pglite) as never,
    user: 'postgres',
    database: 'postgres',
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: 30_000,
  });
  return {
    pool,
    async dump() {
      return Buffer.from(await (await pglite.dumpDataDir('gzip')).arrayBuffer());
    },
    async close() {
      await pool.end();
      await pglite.close();
    },
  };
}

export interface PoolOptions {
  connectionString: string;
  max: number;
  /** Longest wait for a connection, in milliseconds. */
  connectionTimeoutMs: number;
  /** Longest wait for a result, in milliseconds. Longer than `statement_timeout`: it detects a server that no longer responds. */
  queryTimeoutMs: number;
}

export function openPool(options: PoolOptions): pg.Pool {
  return new pg.Pool({
    connectionString: options.connectionString,
    max: options.max,
    connectionTimeoutMillis: options.connectionTimeoutMs,
    query_timeout: options.queryTimeoutMs,
    keepAlive: true,
    application_name: 'agentbase',
  });
}
