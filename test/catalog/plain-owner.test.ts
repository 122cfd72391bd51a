import { expect, onTestFinished, test } from 'vitest';
import { install } from '../../src/modules/index.ts';
import { migrate } from '../../src/platform/migrations/migrate.ts';
import { migrationNames } from '../../src/platform/migrations/migration-files.ts';
import { openEmbedded } from '../../src/platform/postgres/connect.ts';

/** The embedded PostgreSQL is newer than 16, where CREATEROLE does not suffice to alter a role that another role created. */
test('a plain owner migrates, reports a login that it may not alter, and sets its role once it has ADMIN OPTION', {
  timeout: 300_000,
}, async () => {
  const { pool, close } = await openEmbedded('memory://');
  onTestFinished(close);
  await pool.query(`
    CREATE EXTENSION vector;
    CREATE ROLE plain_owner LOGIN CREATEROLE;
    CREATE ROLE server_login LOGIN;
    GRANT ALL ON DATABASE postgres TO plain_owner;
    ALTER SCHEMA public OWNER TO plain_owner;
    SET SESSION AUTHORIZATION plain_owner`);
  const reported: string[] = [];
  const run = () => migrate(pool, { install, serverRole: 'server_login', report: (problem) => reported.push(problem) });
  const settings = async () =>
    (await pool.query('SELECT setconfig FROM pg_db_role_setting WHERE setrole = $1::regrole', ['server_login'])).rows;

  expect(await run()).toEqual(migrationNames());
  expect(await settings()).toEqual([]);
  expect(reported.splice(0)).toEqual([
    '"plain_owner" may not alter the login "server_login": each of its statements enters agentbase_app itself, which costs time. ' +
      'As a superuser, run once: ALTER ROLE "server_login" IN DATABASE "postgres" SET role = agentbase_app; ' +
      'or: GRANT "server_login" TO "plain_owner" WITH ADMIN OPTION, and migrate again',
  ]);

  const asSuperuser = (statement: string) =>
    pool.query(`SET SESSION AUTHORIZATION postgres; ${statement}; SET SESSION AUTHORIZATION plain_owner`);
  await asSuperuser('GRANT server_login TO plain_owner WITH ADMIN OPTION');
  expect(await run()).toEqual([]);
  expect(await settings()).toEqual([{ setconfig: ['role=agentbase_app'] }]);
  expect(reported).toEqual([]);

  // What a superuser has set needs no privilege of the owner.
  await asSuperuser('REVOKE server_login FROM plain_owner');
  expect(await run()).toEqual([]);
  expect(reported).toEqual([]);
});
