import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PrivatePostgres, startPostgres } from '../../../scripts/private-services.ts';
import { install } from '../../../src/modules/index.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { migrate } from '../../../src/platform/migrations/migrate.ts';
import { openPool } from '../../../src/platform/postgres/connect.ts';
import { runScript } from '../../testkit/run-script.ts';

let postgres: PrivatePostgres;

const pool = (database?: string, user?: string) => {
  const connectionString = postgres.url(database, user);
  return openPool({ connectionString, max: 1, connectionTimeoutMs: 10_000, queryTimeoutMs: 60_000 });
};

async function asSuperuser(database: string | undefined, ...statements: string[]): Promise<void> {
  const superuser = pool(database);
  for (const statement of statements) await superuser.query(statement);
  await superuser.end();
}

// The owner of the tables is not a superuser, so row-level security applies to it too.
beforeAll(async () => {
  postgres = await startPostgres();
  await asSuperuser(
    undefined,
    'CREATE ROLE plain_owner LOGIN CREATEROLE',
    'CREATE ROLE agentbase_server LOGIN',
    'CREATE DATABASE owned OWNER plain_owner',
    'CREATE DATABASE bare OWNER plain_owner',
  );
  await asSuperuser('owned', 'CREATE EXTENSION vector');
  const owner = pool('owned', 'plain_owner');
  await migrate(owner, { install, serverRole: 'agentbase_server' });
  await owner.end();
  const inserts = ['ada', 'bob'].map((name) => `INSERT INTO users (id, email) VALUES ('${newId()}', '${name}@example.test')`);
  await asSuperuser('owned', ...inserts);
});
afterAll(() => postgres?.stop());

function run(database: string, user: string, ...args: string[]) {
  return runScript('platform-admin', args, { DATABASE_OWNER_URL: postgres.url(database, user) });
}

test('the owner of the tables grants and withdraws the rights of a platform administrator', { timeout: 120_000 }, async () => {
  expect(await run('owned', 'plain_owner', 'list')).toEqual({ code: 0, stdout: 'no platform administrators\n', stderr: '' });
  expect(await run('owned', 'plain_owner', 'grant', 'Bob@example.test')).toEqual({
    code: 0,
    stdout: 'Bob@example.test is now a platform administrator\n',
    stderr: '',
  });
  expect(await run('owned', 'plain_owner', 'grant', 'bob@example.test')).toMatchObject({
    code: 0,
    stdout: 'bob@example.test is already a platform administrator\n',
  });
  expect(await run('owned', 'plain_owner', 'list')).toMatchObject({ code: 0, stdout: 'bob@example.test\n' });
  expect(await run('owned', 'plain_owner', 'revoke', 'bob@example.test')).toMatchObject({
    code: 0,
    stdout: 'bob@example.test is no longer a platform administrator\n',
  });
  expect(await run('owned', 'plain_owner', 'list')).toMatchObject({ stdout: 'no platform administrators\n' });
});

test('rejects other logins, unknown users and a database without tables', async () => {
  expect(await run('owned', 'agentbase_server', 'grant', 'ada@example.test')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'the login "agentbase_server" does not own the tables: DATABASE_OWNER_URL must name one that does\n',
  });
  expect(await run('owned', 'plain_owner', 'grant', 'eve@example.test')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^no user has the e-mail address eve@example\.test/),
  });
  expect(await run('bare', 'plain_owner', 'list')).toMatchObject({
    code: 1,
    stderr: 'the database has no tables yet: run npm run db:migrate\n',
  });
});
