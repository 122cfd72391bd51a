import { afterAll, beforeAll, expect, test } from 'vitest';
import { install } from '../../src/modules/index.ts';
import { appliedMigrations, isMigrated, migrate, migrateDown } from '../../src/platform/migrations/migrate.ts';
import { migrationNames, readMigration } from '../../src/platform/migrations/migration-files.ts';
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

/** The remaining objects of the application, by name. */
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

test('does nothing to a migrated database', async () => {
  const before = await catalog();
  expect(await isMigrated(db.ownerPool)).toBe(true);
  expect(await migrate(db.ownerPool, { install })).toEqual([]);
  expect(await catalog()).toBe(before);
});

test('every migration can be reverted with data in its tables and applied again', { timeout: 120_000 }, async () => {
  const names = migrationNames();
  const before = await catalog();
  for (let count = 1; count <= names.length; count++) {
    await (await createTenant(db)).fillTables();
    const newest = names.toReversed().slice(0, count);
    expect(await migrateDown(db.ownerPool, count)).toEqual(newest);
    expect(await isMigrated(db.ownerPool)).toBe(false);
    if (count === names.length) expect(await remains()).toEqual([]);
    expect(await migrate(db.ownerPool, { install })).toEqual(newest.toReversed());
    expect(await catalog()).toBe(before);
  }
});

test('the migration that adds the counter counts existing conversations', async () => {
  const names = migrationNames();
  const since = names.length - names.indexOf('20261125000500_conversation_counts');
  await migrateDown(db.ownerPool, since);
  const tenant = await createTenant(db, { rows: ['conversations'] });
  await migrate(db.ownerPool, { install });
  expect(
    await db.ownerQuery('SELECT active, completed, failed, cancelled FROM conversation_counts WHERE tenant_id = $1', [tenant.id]),
  ).toEqual([{ active: 1, completed: 0, failed: 0, cancelled: 0 }]);
});

test('upgrades a database that Prisma migrated', async () => {
  const names = migrationNames();
  await migrateDown(db.ownerPool, names.length);
  await db.ownerPool.query('DROP TABLE public._prisma_migrations');
  // The state that Prisma's schema engine leaves after the first migration.
  await db.ownerPool.query(readMigration('20261123000100_foundation').sql);
  await db.ownerPool.query(`
    CREATE TABLE "_prisma_migrations" (
      "id" VARCHAR(36) PRIMARY KEY NOT NULL,
      "checksum" VARCHAR(64) NOT NULL,
      "finished_at" TIMESTAMPTZ,
      "migration_name" VARCHAR(255) NOT NULL,
      "logs" TEXT,
      "rolled_back_at" TIMESTAMPTZ,
      "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
      "applied_steps_count" INTEGER NOT NULL DEFAULT 0
    );
    INSERT INTO "_prisma_migrations" (id, checksum, finished_at, migration_name, applied_steps_count) VALUES
      ('30cbc445-590d-4998-94d7-4fd837b27582', 'a54d3d0cc438627f09d71f471c53ecd9b7329780cf875dd2d892538873d3c765', now(),
       '20261123000100_foundation', 1);
    INSERT INTO "_prisma_migrations" (id, checksum, migration_name, logs) VALUES
      ('1f66d029-7eda-4340-a1ed-fae61cbbd70a', '313d24f3270256731d95036f939f48ee79e64e3be70aa895bd90cd1eb01e0f7e',
       '20261123000200_tenancy', 'Database error code: 42P07')`);
  expect(await isMigrated(db.ownerPool)).toBe(false);
  expect(await migrate(db.ownerPool, { install })).toEqual(names.slice(1));
  expect(await isMigrated(db.ownerPool)).toBe(true);
  const records = await db.ownerQuery(
    `SELECT migration_name AS name, checksum FROM public._prisma_migrations
     WHERE finished_at >= started_at AND rolled_back_at IS NULL AND logs IS NULL AND applied_steps_count = 1 ORDER BY 1`,
  );
  expect(records).toEqual(names.map((name) => ({ name, checksum: readMigration(name).checksum })));
});

test('rejects a migration that changed after it was applied', async () => {
  const [newest = '', before = ''] = migrationNames().toReversed();
  await migrateDown(db.ownerPool, 1);
  const { checksum } = readMigration(before);
  const record = (value: string) =>
    db.ownerPool.query('UPDATE public._prisma_migrations SET checksum = $2 WHERE migration_name = $1', [before, value]);
  await record('0'.repeat(64));
  await expect(migrate(db.ownerPool, { install })).rejects.toThrow(`applied migrations were changed: ${before}.`);
  await record(checksum);
  expect(await migrate(db.ownerPool, { install })).toEqual([newest]);
});

test('a failed migration leaves only its record, and the next call applies it', async () => {
  const [newest = ''] = migrationNames().toReversed();
  const before = await catalog();
  await migrateDown(db.ownerPool, 1);
  // A trigger on _prisma_migrations rejects the last statement of a migration.
  await db.ownerPool.query(`
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused for the test'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE OF finished_at ON public._prisma_migrations FOR EACH ROW EXECUTE FUNCTION public.refuse()`);
  const reverted = await catalog();
  for (let time = 0; time < 2; time++) {
    await expect(migrate(db.ownerPool, { install })).rejects.toThrow(`migration ${newest} failed: refused for the test`);
    expect(await catalog()).toBe(reverted);
    expect(
      await db.ownerQuery(
        'SELECT migration_name AS name, logs, finished_at FROM public._prisma_migrations WHERE finished_at IS NULL',
      ),
    ).toEqual([{ name: newest, logs: 'refused for the test', finished_at: null }]);
  }
  await db.ownerPool.query('DROP TRIGGER refuse ON public._prisma_migrations; DROP FUNCTION public.refuse()');
  expect(await migrate(db.ownerPool, { install })).toEqual([newest]);
  expect(await catalog()).toBe(before);
});

test('concurrent callers are serialised', async () => {
  await migrateDown(db.ownerPool, migrationNames().length);
  const applied = await Promise.all([1, 2, 3].map(() => migrate(db.ownerPool, { install })));
  expect(applied.flat()).toEqual(migrationNames());
  expect(await appliedMigrations(db.ownerPool)).toEqual(migrationNames());
});

test('rejects a login role that does not exist', async () => {
  await expect(migrate(db.ownerPool, { install, serverRole: 'nobody_here' })).rejects.toThrow(
    'the login role "nobody_here" does not exist',
  );
});
