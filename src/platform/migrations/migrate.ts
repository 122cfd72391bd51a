import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { tableModels } from '../../generated/data-model.ts';
import { APPLICATION_ROLE, JOBS_ROLE } from '../postgres/session-settings.ts';
import { applyMigrations } from './apply-migrations.ts';
import { migrationNames, readDownMigration } from './migration-files.ts';

/** An arbitrary constant that all versions share. It serialises processes that migrate the same database. */
const MIGRATION_LOCK = '7283044521';
const LOCK_PAUSE_MS = 100;

const INSUFFICIENT_PRIVILEGE = '42501';

async function tryLock(client: pg.PoolClient): Promise<boolean> {
  const { rows } = await client.query(`SELECT pg_try_advisory_lock(${MIGRATION_LOCK}) AS held`);
  return rows[0].held;
}

async function withMigrationLock<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    // Polls: a statement that waits for the lock holds a snapshot, which would keep vacuum from removing rows of all tables.
    while (!(await tryLock(client))) await delay(LOCK_PAUSE_MS);
    try {
      return await work(client);
    } finally {
      await client.query(`SELECT pg_advisory_unlock(${MIGRATION_LOCK})`);
    }
  } finally {
    client.release();
  }
}

/** The names of the applied migrations, oldest first. */
export async function appliedMigrations(client: { query(text: string): Promise<pg.QueryResult> }): Promise<string[]> {
  const { rows } = await client.query("SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS present");
  if (!rows[0].present) return [];
  const applied = await client.query(
    'SELECT migration_name FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name',
  );
  return applied.rows.map((row: { migration_name: string }) => row.migration_name);
}

/** Whether the database has every migration of this version. */
export async function isMigrated(pool: pg.Pool): Promise<boolean> {
  const applied = new Set(await appliedMigrations(pool));
  return migrationNames().every((name) => applied.has(name));
}

/** COMMENT statements with the documentation of every table and column. */
function commentsSql(): string {
  return tableModels
    .flatMap(({ name, comment, columns }) => [
      `COMMENT ON TABLE public.${name} IS ${pg.escapeLiteral(comment)}`,
      ...columns.map((column) => `COMMENT ON COLUMN public.${name}.${column.name} IS ${pg.escapeLiteral(column.comment)}`),
    ])
    .join(';\n');
}

export interface MigrateOptions {
  /** Installs other database objects, such as job queues. Runs at every start and must return early if they are up to date. */
  install: (client: pg.ClientBase) => Promise<void>;
  /** The login role of the server. `migrate` grants it the application role and sets that as its default. It must exist. */
  serverRole?: string | undefined;
  /** Receives what `migrate` had no privilege to do, with the statements for a superuser. */
  report?: (problem: string) => void;
}

/**
 * Applies the missing migrations and returns their names. Processes may call it concurrently: the migration lock serialises them, and the
 * later ones find nothing to apply.
 */
export function migrate(pool: pg.Pool, { install, serverRole, report }: MigrateOptions): Promise<string[]> {
  return withMigrationLock(pool, async (client) => {
    const before = new Set(await appliedMigrations(client));
    let applied: string[] = [];
    if (migrationNames().some((name) => !before.has(name))) {
      applied = await applyMigrations(client);
      await client.query(commentsSql());
      // The server checks at start-up and in its readiness probe that every migration is applied.
      await client.query(`GRANT SELECT ON public._prisma_migrations TO ${APPLICATION_ROLE}`);
    }
    await install(client);
    if (serverRole) await grantServerLogin(client, serverRole, report);
    return applied;
  });
}

interface ServerLogin {
  database: string;
  owner: string;
  itself: boolean;
  /** Whether the login is a member of both roles. */
  member: boolean;
  /** Whether its sessions begin in the application role. */
  begins: boolean;
}

/** Runs a statement. Returns false if the current login lacks the privilege. */
async function permitted(client: pg.PoolClient, statement: string): Promise<boolean> {
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    if ((error as pg.DatabaseError).code !== INSUFFICIENT_PRIVILEGE) throw error;
    return false;
  }
}

/**
 * Lets the login of the server into its roles. Since PostgreSQL 16, an owner with CREATEROLE may alter or grant only roles that it created or
 * has ADMIN OPTION on; a superuser may have done it already.
 */
async function grantServerLogin(client: pg.PoolClient, role: string, report?: (problem: string) => void): Promise<void> {
  const { rows } = await client.query<ServerLogin>({
    text: `SELECT current_database() AS database, current_user AS owner, rolname = session_user AS itself,
        pg_has_role(r.oid, '${APPLICATION_ROLE}', 'MEMBER') AND pg_has_role(r.oid, '${JOBS_ROLE}', 'MEMBER') AS member,
        EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = r.oid AND 'role=${APPLICATION_ROLE}' = ANY (s.setconfig)
          AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))) AS begins
      FROM pg_roles r WHERE rolname = $1`,
    values: [role],
  });
  const [found] = rows;
  if (!found) throw new Error(`the login role "${role}" does not exist: create it with LOGIN and no other attribute`);
  const login = pg.escapeIdentifier(role);
  const grant = `GRANT ${APPLICATION_ROLE}, ${JOBS_ROLE} TO ${login}`;
  if (!(await permitted(client, grant)) && !found.member) {
    throw new Error(`"${found.owner}" may not let the login "${role}" into its roles: as a superuser, run ${grant}`);
  }
  if (found.itself || found.begins) return;
  const alter = `ALTER ROLE ${login} IN DATABASE ${pg.escapeIdentifier(found.database)} SET role = ${APPLICATION_ROLE}`;
  if (await permitted(client, alter)) return;
  report?.(
    `"${found.owner}" may not alter the login "${role}": each of its statements enters ${APPLICATION_ROLE} itself, which costs time. ` +
      `As a superuser, run once: ${alter}; ` +
      `or: GRANT ${login} TO ${pg.escapeIdentifier(found.owner)} WITH ADMIN OPTION, and migrate again`,
  );
}

/** Reverts the newest `count` migrations, newest first, and returns their names. Deletes the data they introduced. */
export function migrateDown(pool: pg.Pool, count: number): Promise<string[]> {
  return withMigrationLock(pool, async (client) => {
    const newest = (await appliedMigrations(client)).reverse().slice(0, count);
    for (const name of newest) {
      await client.query(
        `BEGIN; ${readDownMigration(name)}; DELETE FROM public._prisma_migrations WHERE migration_name = ${pg.escapeLiteral(name)}; COMMIT`,
      );
    }
    return newest;
  });
}
