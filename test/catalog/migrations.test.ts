import { afterAll, beforeAll, expect, test } from 'vitest';
import { appliedMigrations, isMigrated, migrate, migrateDown } from '../../src/db/migrate.ts';
import { migrationNames } from '../../src/db/schema-engine.ts';
import { type TestDatabase, throwawayDatabase } from '../testkit/database.ts';
import { rolledBack } from '../testkit/roles.ts';
import { createTenant } from '../testkit/tenants.ts';
import { catalogText } from './snapshot.ts';

let db: TestDatabase;

beforeAll(async () => {
  db = await throwawayDatabase();
});

afterAll(() => db.close());

const catalog = () => rolledBack(db, ({ query }) => catalogText(query));

/** What is left of ours, by name. */
function remains(): Promise<{ what: string }[]> {
  return db.ownerQuery<{ what: string }>(`
    SELECT what FROM (
      SELECT 'schema ' || nspname AS what, oid, 'pg_namespace'::regclass AS kind FROM pg_namespace WHERE nspname IN ('app', 'partitions')
      UNION ALL SELECT 'relation ' || relname, oid, 'pg_class'::regclass FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_prisma\\_migrations%'
      UNION ALL SELECT 'type ' || typname, oid, 'pg_type'::regclass FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%\\_prisma\\_migrations'
      UNION ALL SELECT 'function ' || proname, oid, 'pg_proc'::regclass FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL SELECT 'grant to ' || grantee::regrole, 0, 0 FROM pg_namespace, aclexplode(nspacl)
        WHERE nspname = 'public' AND grantee IN ('agentbase_app'::regrole, 'agentbase_gate'::regrole)) ours
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = ours.oid AND d.classid = ours.kind AND d.deptype IN ('e', 'i'))
      AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_depend d ON d.objid = t.typelem AND d.deptype = 'e' WHERE t.oid = ours.oid AND kind = 'pg_type'::regclass)
    ORDER BY 1`);
}

test('a migrated database is left alone', async () => {
  const before = await catalog();
  expect(await isMigrated(db.ownerPool)).toBe(true);
  expect(await migrate(db.ownerPool)).toEqual([]);
  expect(await catalog()).toBe(before);
});

test('every migration has a way back, with data in its tables, and forth again', { timeout: 120_000 }, async () => {
  const names = migrationNames();
  const before = await catalog();
  for (let count = 1; count <= names.length; count++) {
    await (await createTenant(db)).fillTables();
    const newest = names.toReversed().slice(0, count);
    expect(await migrateDown(db.ownerPool, count)).toEqual(newest);
    expect(await isMigrated(db.ownerPool)).toBe(false);
    if (count === names.length) expect(await remains()).toEqual([]);
    expect(await migrate(db.ownerPool)).toEqual(newest.toReversed());
    expect(await catalog()).toBe(before);
  }
});

test('conversations are counted that were there before their number was kept', async () => {
  const names = migrationNames();
  const since = names.length - names.indexOf('20261125000500_conversation_counts');
  await migrateDown(db.ownerPool, since);
  const tenant = await createTenant(db, { rows: ['conversations'] });
  await migrate(db.ownerPool);
  expect(
    await db.ownerQuery('SELECT active, completed, failed, cancelled FROM conversation_counts WHERE tenant_id = $1', [tenant.id]),
  ).toEqual([{ active: 1, completed: 0, failed: 0, cancelled: 0 }]);
});

test('callers at the same moment take turns', async () => {
  await migrateDown(db.ownerPool, migrationNames().length);
  const applied = await Promise.all([1, 2, 3].map(() => migrate(db.ownerPool)));
  expect(applied.flat()).toEqual(migrationNames());
  expect(await appliedMigrations(db.ownerPool)).toEqual(migrationNames());
});

test('a login of the server that does not exist is named', async () => {
  await expect(migrate(db.ownerPool, { serverRole: 'nobody_here' })).rejects.toThrow(
    'the login role "nobody_here" does not exist',
  );
});
