import type pg from 'pg';

export interface PlatformAdmin {
  email: string;
  /** Somebody who may not sign in runs nothing. */
  active: boolean;
}

/**
 * Marks a person as one of those who run the platform, or takes the mark away. It holds from their next request on.
 * @param pool of the owner of the tables: nobody else may
 * @returns false where it was so already
 */
export function setPlatformAdmin(pool: pg.Pool, email: string, isPlatformAdmin: boolean): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; status: string; isPlatformAdmin: boolean }>(
      'SELECT id, status, is_platform_admin AS "isPlatformAdmin" FROM users WHERE email = $1',
      [email],
    );
    const [person] = rows;
    if (!person)
      throw new Error(`nobody has the e-mail address ${email}: people are known once they have signed up or been let in`);
    if (isPlatformAdmin && person.status !== 'ACTIVE') throw new Error(`${email} is ${person.status.toLowerCase()}`);
    if (person.isPlatformAdmin === isPlatformAdmin) return false;
    // Row security holds for owners who are not superusers too, and lets everybody change themselves.
    await client.query("SELECT set_config('app.user_id', $1, true)", [person.id]);
    const { rowCount } = await client.query('UPDATE users SET is_platform_admin = $2 WHERE id = $1', [
      person.id,
      isPlatformAdmin,
    ]);
    if (rowCount !== 1) throw new Error('row security does not let this login change people');
    return true;
  });
}

/** In the order of their addresses. */
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
