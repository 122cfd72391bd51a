import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { expect, inject, onTestFinished, test } from 'vitest';
import { install } from '../../src/modules/index.ts';
import { openJobsPool } from '../../src/platform/jobs/jobs.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';
import { migrationNames } from '../../src/platform/migrations/migration-files.ts';
import { ownerPoolOf, urlOf, withClient } from '../testkit/postgres-template.ts';
import { catalogText } from './snapshot.ts';

function adminUrl(): string {
  const template = inject('template');
  if (template.kind !== 'postgres') throw new Error('this file needs TEST_DATABASE_URL');
  return template.adminUrl;
}

/** An empty database, dropped when the test has finished. */
async function emptyDatabase(owner?: string): Promise<string> {
  const database = `agentbase_test_empty_${randomBytes(4).toString('hex')}`;
  await withClient(adminUrl(), (admin) => admin.query(`CREATE DATABASE ${database} ${owner ? `OWNER ${owner}` : ''}`));
  onTestFinished(async () => {
    await withClient(adminUrl(), (admin) => admin.query(`DROP DATABASE ${database} WITH (FORCE)`));
  });
  return urlOf(adminUrl(), { database });
}

function catalogOf(url: string): Promise<string> {
  return withClient(url, (client) =>
    catalogText(async <Row extends object>(sql: string, values?: unknown[]) => (await client.query<Row>(sql, values)).rows),
  );
}

const SCRIPT = `
  import pg from 'pg';
  import { migrate } from ${JSON.stringify(new URL('../../src/platform/migrations/migrate.ts', import.meta.url).href)};
  import { install } from ${JSON.stringify(new URL('../../src/modules/index.ts', import.meta.url).href)};
  const pool = new pg.Pool({ connectionString: process.env.MIGRATE_URL, max: 2 });
  console.log(JSON.stringify(await migrate(pool, { install })));
  await pool.end();
`;

/** Migrates in a separate process and returns the names of the applied migrations. */
async function migrateElsewhere(url: string): Promise<string[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    env: { ...process.env, MIGRATE_URL: url, NODE_OPTIONS: '' },
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (!output.startsWith('[')) throw new Error(errors);
  return JSON.parse(output);
}

test('four processes migrate one empty database concurrently: one applies the migrations and all succeed', async () => {
  const url = await emptyDatabase();
  const applied = await Promise.all([1, 2, 3, 4].map(() => migrateElsewhere(url)));
  expect(applied.filter(({ length }) => length > 0)).toEqual([migrationNames()]);
  await expect(await catalogOf(url)).toMatchFileSnapshot('catalog.snapshot.txt');
});

/** Creates a login with CREATEROLE and admin option on the roles of Agentbase, without superuser rights. */
async function plainOwner(): Promise<{ owner: string; password: string }> {
  const owner = `agentbase_test_owner_${randomBytes(4).toString('hex')}`;
  const password = randomBytes(16).toString('hex');
  await withClient(adminUrl(), async (admin) => {
    await admin.query(`CREATE ROLE ${owner} LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE PASSWORD '${password}'`);
    await admin.query(`GRANT agentbase_app, agentbase_gate, agentbase_jobs TO ${owner} WITH ADMIN OPTION`);
  });
  onTestFinished(async () => {
    await withClient(adminUrl(), (admin) => admin.query(`DROP ROLE ${owner}`));
  });
  return { owner, password };
}

test('an owner without superuser rights migrates and maintains the partitions', async () => {
  const { owner, password } = await plainOwner();
  const admin = await emptyDatabase(owner);
  const pool = ownerPoolOf(urlOf(admin, { user: owner, password }), 1);
  try {
    const extensions = migrationNames().filter((name) => name < '20261123000600');
    await expect(migrate(pool, { install })).rejects.toThrow(
      /^migration 20261123000600_knowledge failed: pgvector has to be let in by a superuser first/,
    );
    await withClient(admin, (client) => client.query('CREATE EXTENSION vector'));
    // A second call continues after the failure.
    expect(await migrate(pool, { install })).toEqual(migrationNames().filter((name) => !extensions.includes(name)));
    // Forced row security applies to the owner too. The new partition must still take its rows.
    const { rows } = await pool.query("SELECT 'tool_executions_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM') AS month");
    await pool.query(`DROP TABLE partitions.${rows[0].month}`);
    await withClient(admin, (client) =>
      client.query(`
        INSERT INTO tenants (id, name, slug) SELECT app.uuid_v7(), 'Tenant', 'tenant';
        INSERT INTO agents (tenant_id, id, name, slug, provider, model) SELECT id, app.uuid_v7(), 'Agent', 'agent', 'local', 'echo' FROM tenants;
        INSERT INTO conversations (tenant_id, id, agent_id) SELECT tenant_id, app.uuid_v7(), id FROM agents;
        INSERT INTO tool_executions (tenant_id, id, conversation_id, agent_id, tool_name, status)
          SELECT tenant_id, app.uuid_v7(), id, agent_id, 'clock', 'SUCCESS' FROM conversations`),
    );
    expect((await pool.query('SELECT change FROM app.maintain_partitions()')).rows).toEqual([{ change: 'created' }]);
    const moved = await withClient(admin, (client) =>
      client.query('SELECT tableoid::regclass::text AS partition FROM tool_executions'),
    );
    expect(moved.rows).toEqual([{ partition: `partitions.${rows[0].month}` }]);
    expect((await pool.query('SELECT FROM tool_executions')).rowCount).toBe(0);
  } finally {
    await pool.end();
  }
});

/** Migrates as a plain owner, with a login that a superuser created. Returns how its sessions begin, and what the migration reported. */
async function migrateForLogin(kind: string, arrange: (names: { owner: string; login: string; database: string }) => string) {
  const { owner, password } = await plainOwner();
  const admin = await emptyDatabase(owner);
  const login = `agentbase_test_login_${randomBytes(4).toString('hex')}`;
  const version = await withClient(admin, async (client) => {
    await client.query('CREATE EXTENSION vector');
    await client.query(`CREATE ROLE ${login} LOGIN ${kind} PASSWORD '${password}'`);
    const { rows } = await client.query(
      "SELECT current_database() AS database, current_setting('server_version_num')::int AS version",
    );
    await client.query(arrange({ owner, login, database: rows[0].database }));
    return rows[0].version as number;
  });
  onTestFinished(async () => {
    await withClient(adminUrl(), (client) => client.query(`DROP ROLE ${login}`));
  });
  const pool = ownerPoolOf(urlOf(admin, { user: owner, password }), 1);
  const reported: string[] = [];
  await migrate(pool, { install, serverRole: login, report: (problem) => reported.push(problem) });
  await pool.end();
  const url = urlOf(admin, { user: login, password });
  const { rows } = await withClient(url, (client) =>
    client.query("SELECT current_user AS role, pg_has_role(session_user, 'agentbase_app', 'MEMBER') AS member"),
  );
  const jobs = openJobsPool(url, 1);
  expect((await jobs.query('SELECT current_user AS role')).rows).toEqual([{ role: 'agentbase_jobs' }]);
  await jobs.end();
  expect(rows[0].member).toBe(true);
  return { begins: rows[0].role as string, login, owner, version, reported };
}

test('the login of the server begins in the application role if the owner has ADMIN OPTION on it', async () => {
  const { begins, reported } = await migrateForLogin(
    'NOSUPERUSER',
    ({ owner, login }) => `GRANT ${login} TO ${owner} WITH ADMIN OPTION`,
  );
  expect({ begins, reported }).toEqual({ begins: 'agentbase_app', reported: [] });
});

test('the login of the server begins in the application role if a superuser has set it', async () => {
  const { begins, reported } = await migrateForLogin(
    'NOSUPERUSER',
    ({ login, database }) => `ALTER ROLE ${login} IN DATABASE ${database} SET role = agentbase_app`,
  );
  expect({ begins, reported }).toEqual({ begins: 'agentbase_app', reported: [] });
});

test('where the owner may not alter the login of a superuser, the migration succeeds and reports the statements', async () => {
  const { begins, login, owner, reported, version } = await migrateForLogin('NOSUPERUSER', () => '');
  // Before PostgreSQL 16, CREATEROLE suffices.
  if (version < 160_000) expect({ begins, reported }).toEqual({ begins: 'agentbase_app', reported: [] });
  else {
    expect(begins).toBe(login);
    expect(reported).toEqual([expect.stringContaining(`GRANT "${login}" TO "${owner}" WITH ADMIN OPTION`)]);
  }
});

test('where no owner may alter the login, because it is a superuser, the migration succeeds and reports the statement', async () => {
  const { begins, login, reported } = await migrateForLogin('SUPERUSER', () => '');
  expect(begins).toBe(login);
  expect(reported).toEqual([expect.stringMatching(/ALTER ROLE "\w+" IN DATABASE "\w+" SET role = agentbase_app/)]);
});
