import type { Redis } from 'ioredis';
import type { Env } from '../env.ts';
import { install } from '../modules/index.ts';
import type { Logger } from '../platform/lib/logger.ts';
import { isMigrated, migrate } from '../platform/migrations/migrate.ts';
import { openPool } from '../platform/postgres/connect.ts';
import { Database } from '../platform/postgres/database.ts';
import type { DataFolder } from './data-folder.ts';

export interface Connections {
  database: Database;
  redis: Redis | undefined;
  close(): Promise<void>;
}

function timeoutsOf(env: Env) {
  return {
    statementMs: env.DATABASE_STATEMENT_TIMEOUT_MS,
    lockMs: env.DATABASE_LOCK_TIMEOUT_MS,
    idleInTransactionMs: env.DATABASE_IDLE_TRANSACTION_TIMEOUT_MS,
  };
}

const REDIS_COMMAND_TIMEOUT_MS = 500;

async function openRedis(env: Env, log: Logger): Promise<Redis | undefined> {
  if (!env.REDIS_URL) return undefined;
  const { Redis: Client } = await import('ioredis');
  const redis = new Client(env.REDIS_URL, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    // Each request counts in Redis. If it hangs, the request continues with the counter in memory.
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
  });
  redis.on('error', (error) => log.warn({ err: error }, 'Redis connection error'));
  return redis;
}

function logPipelining({ pipeliningProblem: reason }: Database, log: Logger | undefined): void {
  if (reason) log?.warn({ reason }, 'database pipelining unavailable');
}

/** Opens and migrates the embedded PostgreSQL. */
export async function connectEmbedded(env: Env, folder: DataFolder, log?: Logger): Promise<Connections> {
  const { openMigrated } = await import('../platform/migrations/embedded-template.ts');
  const embedded = await openMigrated(folder.database, { install });
  const database = new Database({
    pool: embedded.pool,
    timeouts: timeoutsOf(env),
    preparedStatements: true,
    maxWaiting: env.DATABASE_MAX_WAITING,
  });
  logPipelining(database, log);
  return { database, redis: undefined, close: () => embedded.close() };
}

/** Connects to the configured PostgreSQL. Throws, with instructions, if the database or the login is unsuitable for a server. */
export async function connectPostgres(env: Env, log: Logger): Promise<Connections> {
  const pool = openPool({
    connectionString: env.DATABASE_URL ?? '',
    max: env.DATABASE_POOL_SIZE,
    connectionTimeoutMs: 5_000,
    queryTimeoutMs: env.DATABASE_STATEMENT_TIMEOUT_MS + 5_000,
  });
  pool.on('error', (error) => log.warn({ err: error }, 'database connection lost'));
  try {
    const { rows } = await pool.query<{ login: string; bypasses: boolean; owns: boolean; member: boolean }>(`
      SELECT session_user AS login, rolsuper OR rolbypassrls AS bypasses,
        EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner = r.oid) AS owns,
        to_regrole('agentbase_app') IS NOT NULL AND pg_has_role(session_user, to_regrole('agentbase_app'), 'MEMBER')
          AND to_regrole('agentbase_jobs') IS NOT NULL AND pg_has_role(session_user, to_regrole('agentbase_jobs'), 'MEMBER') AS member
      FROM pg_roles r WHERE rolname = session_user`);
    const login = rows[0];
    const production = env.NODE_ENV === 'production';
    if (!production && (login?.bypasses || login?.owns || !login?.member)) await migrate(pool, { install });
    if (production && (login?.bypasses || login?.owns)) {
      throw new Error(
        `the login "${login.login}" owns tables or bypasses row security: DATABASE_URL must name one that does neither`,
      );
    }
    if (production && !login?.member) {
      throw new Error(
        `the login "${login?.login}" is not let into agentbase_app and agentbase_jobs: run npm run db:migrate with DATABASE_SERVER_ROLE=${login?.login}`,
      );
    }
    if (!(await isMigrated(pool))) throw new Error('the database is not migrated to this version: run npm run db:migrate');
  } catch (error) {
    await pool.end();
    throw error;
  }
  const database = new Database({
    pool,
    timeouts: timeoutsOf(env),
    preparedStatements: env.DATABASE_PREPARED_STATEMENTS,
    maxWaiting: env.DATABASE_MAX_WAITING,
  });
  logPipelining(database, log);
  const redis = await openRedis(env, log);
  return {
    database,
    redis,
    async close() {
      redis?.disconnect();
      await pool.end();
    },
  };
}
