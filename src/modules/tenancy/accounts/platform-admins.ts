import type pg from 'pg';
import type { Database } from '../../../platform/postgres/database.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';

/** Whether the acting user administers the platform. False for an API key. */
export async function isPlatformAdmin(database: Database): Promise<boolean> {
  const [row] = await queryRows<{ isAdmin: boolean }>(database, sql`SELECT app.is_platform_admin() AS is_admin`);
  return row?.isAdmin ?? false;
}

export interface PlatformAdmin {
  email: string;
  /** A disabled account cannot sign in and has no rights. */
  active: boolean;
}

/**
 * Grants or withdraws the rights of a platform administrator, with effect from the user's next request.
 * @param pool connections of the owner of the tables, the only role with the privilege
 * @returns false if the user already had that state
 */
export function setPlatformAdmin(pool: pg.Pool, email: string, isPlatformAdmin: boolean): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; status: string; isPlatformAdmin: boolean }>(
      'SELECT id, status, is_platform_admin AS "isPlatformAdmin" FROM users WHERE email = $1',
      [email],
    );
    const [user] = rows;
    if (!user) throw new Error(`no user has the e-mail address ${email}: the user must sign up or accept an invitation first`);
    if (isPlatformAdmin && user.status !== 'ACTIVE') {
      throw new Error(`the account ${email} is ${user.status}: activate it first`);
    }
    if (user.isPlatformAdmin === isPlatformAdmin) return false;
    // Row-level security also applies to a table owner who is not a superuser. Its policy allows users to update their own row.
    await client.query("SELECT set_config('app.user_id', $1, true)", [user.id]);
    const { rowCount } = await client.query('UPDATE users SET is_platform_admin = $2 WHERE id = $1', [user.id, isPlatformAdmin]);
    if (rowCount !== 1) throw new Error('row-level security prevents this login from updating users');
    return true;
  });
}

/** All platform administrators, ordered by e-mail address. */
export function listPlatformAdmins(pool: pg.Pool): Promise<PlatformAdmin[]> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<PlatformAdmin>(
      "SELECT email::text, status = 'ACTIVE' AS active FROM users WHERE is_platform_admin ORDER BY email",
    );
    return rows;
  });
}

async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await requireOwner(client);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

async function requireOwner(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ login: string; owns: boolean | null }>(
    `SELECT session_user AS login,
       (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass('public.users')) AS owns`,
  );
  const [found] = rows;
  if (found?.owns === null) throw new Error('the database has no tables yet: run npm run db:migrate');
  if (!found?.owns)
    throw new Error(`the login "${found?.login}" does not own the tables: DATABASE_OWNER_URL must name one that does`);
}
