import pg from 'pg';
import { type PrivatePostgres, startPostgres } from '../../scripts/private-services.ts';
import { install } from '../../src/modules/index.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';
import { Processes, postmasterOf } from '../lib/processes.ts';
import { fillDatabase } from './dataset.ts';

/** What differs from the defaults of PostgreSQL. Commits are durable: fsync and synchronous_commit are on. */
export const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  shared_buffers: '2GB',
  effective_cache_size: '8GB',
  max_wal_size: '8GB',
  // A checkpoint while somebody is measured would be theirs to pay for.
  checkpoint_timeout: '1h',
  // Counts for nobody who does not ask for it: see countingPlans.
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'none',
  'pg_stat_statements.track_utility': 'off',
};

/** What every server logs in as: neither owner nor free of row security. */
const SERVER_ROLE = 'agentbase_bench_server';
/**
 * Only for the price of row security: the same statements without it, at their best. Their tenant is a parameter, for which PostgreSQL
 * might plan each time; the current tenant of a policy is none.
 */
const BYPASS_ROLE = 'agentbase_bench_bypass';

export interface BenchDatabase {
  messages: number;
  owner: pg.Pool;
  serverRole: string;
  serverUrl: string;
  bypassUrl: string;
}

export interface Cluster {
  postgres: PrivatePostgres;
  /** Process id of PostgreSQL, the parent of its backends. */
  postmaster: number;
  processes: Processes;
  /** Makes a database with about so many messages. */
  database(name: string, messages: number): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

export async function startCluster(settings: Partial<typeof SETTINGS> = {}): Promise<Cluster> {
  const postgres = await startPostgres({ settings: { ...SETTINGS, ...settings } });
  const processes = new Processes();
  const pools: pg.Pool[] = [];
  const poolOf = (url: string) => {
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    pool.on('error', () => {});
    pools.push(pool);
    return pool;
  };
  const superuser = poolOf(postgres.url());
  const stop = async () => {
    processes.stop();
    for (const pool of pools) await pool.end();
    await postgres.stop();
  };
  try {
    await superuser.query(
      `CREATE ROLE ${SERVER_ROLE} LOGIN; CREATE ROLE ${BYPASS_ROLE} LOGIN BYPASSRLS; ALTER ROLE ${BYPASS_ROLE} SET plan_cache_mode = force_generic_plan`,
    );
    return {
      postgres,
      postmaster: await postmasterOf(superuser),
      processes,
      async database(name, messages) {
        await superuser.query(`CREATE DATABASE ${name}`);
        const owner = poolOf(postgres.url(name));
        await migrate(owner, { install, serverRole: SERVER_ROLE });
        await owner.query(
          `GRANT USAGE ON SCHEMA public TO ${BYPASS_ROLE}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${BYPASS_ROLE}`,
        );
        const client = await owner.connect();
        try {
          await fillDatabase(client, messages);
        } finally {
          client.release(true);
        }
        await superuser.query('CHECKPOINT');
        const [serverUrl, bypassUrl] = [postgres.url(name, SERVER_ROLE), postgres.url(name, BYPASS_ROLE)];
        return { messages, owner, serverRole: SERVER_ROLE, serverUrl, bypassUrl };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
