import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { install } from '../../src/modules/index.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';

/** The URL of the same server with another login or database. */
export function urlOf(url: string, change: { database?: string; user?: string; password?: string }): string {
  const changed = new URL(url);
  if (change.database !== undefined) changed.pathname = `/${change.database}`;
  if (change.user !== undefined) changed.username = change.user;
  if (change.password !== undefined) changed.password = change.password;
  return changed.href;
}

export async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Connections of an owner. `pool.end()` resolves before they are closed, so dropping their database next may terminate them. Without a
 * listener, that error would end the process.
 */
export function ownerPoolOf(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString, max });
  pool.on('error', () => {});
  return pool;
}

/**
 * Creates a migrated template database and the login of the server, which owns nothing and is subject to row-level security. Both have
 * unique names, so that several runs can share one PostgreSQL. They are dropped at the end.
 */
export async function preparePostgres(adminUrl: string) {
  const run = randomBytes(4).toString('hex');
  const database = `agentbase_test_${run}`;
  const server = `agentbase_test_server_${run}`;
  const password = randomBytes(16).toString('hex');

  await withClient(adminUrl, async (admin) => {
    const { rows } = await admin.query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user');
    if (!rows[0].rolsuper) throw new Error('TEST_DATABASE_URL must name a superuser: the tests look behind row security');
    await admin.query(`CREATE ROLE ${server} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '${password}'`);
    await admin.query(`CREATE DATABASE ${database}`);
  });
  const owner = ownerPoolOf(urlOf(adminUrl, { database }), 2);
  await migrate(owner, { install, serverRole: server });
  await owner.end();

  return {
    template: { kind: 'postgres' as const, adminUrl, serverUrl: urlOf(adminUrl, { user: server, password }), database },
    remove: () =>
      withClient(adminUrl, async (admin) => {
        const { rows } = await admin.query<{ datname: string }>(
          'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
          [database],
        );
        for (const { datname } of rows) await admin.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(datname)} WITH (FORCE)`);
        await admin.query(`DROP ROLE IF EXISTS ${server}`);
      }),
  };
}
