import pg from 'pg';
import { type PrivatePostgres, startPostgres } from '../../scripts/private-services.ts';
import { readToolEnv } from '../../src/env.ts';
import { install } from '../../src/modules/index.ts';
import type { KnowledgeServices } from '../../src/modules/knowledge/services.ts';
import { createModels } from '../../src/platform/ai/models.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';
import { openPool } from '../../src/platform/postgres/connect.ts';
import { Database } from '../../src/platform/postgres/database.ts';

/** Settings that differ from the defaults of PostgreSQL, in addition to those of every private cluster (fsync off). */
export const SETTINGS = {
  shared_buffers: '2GB',
  maintenance_work_mem: '1500MB',
  max_parallel_maintenance_workers: '2',
  max_wal_size: '8GB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  autovacuum: 'off',
};

const SERVER_ROLE = 'agentbase_bench_server';

export interface Bench {
  /** As in the server: the application role, under row-level security. */
  database: Database;
  /** Only the services that `search` needs. */
  services: KnowledgeServices;
  /** A superuser, which bypasses row-level security. */
  owner: pg.Pool;
  stop(): Promise<void>;
}

/** Starts a private PostgreSQL with the migrated schema and without rows. */
export async function startBench(): Promise<Bench> {
  const postgres: PrivatePostgres = await startPostgres({ settings: SETTINGS });
  const owner = new pg.Pool({ connectionString: postgres.url(), max: 4 });
  owner.on('error', () => {});
  await owner.query(`CREATE ROLE ${SERVER_ROLE} LOGIN`);
  await migrate(owner, { install, serverRole: SERVER_ROLE });
  const pool = openPool({
    connectionString: postgres.url('postgres', SERVER_ROLE),
    max: 4,
    connectionTimeoutMs: 10_000,
    queryTimeoutMs: 120_000,
  });
  const database = new Database({
    pool,
    timeouts: { statementMs: 60_000, lockMs: 5_000, idleInTransactionMs: 60_000 },
    preparedStatements: true,
    maxWaiting: 100,
  });
  const models = createModels({ embeddings: undefined, answers: undefined });
  return {
    database,
    services: { database, models, knowledgeLimits: { exactUpTo: readToolEnv().SEARCH_EXACT_UP_TO } } as KnowledgeServices,
    owner,
    async stop() {
      await database.close();
      await owner.end();
      await postgres.stop();
    },
  };
}
