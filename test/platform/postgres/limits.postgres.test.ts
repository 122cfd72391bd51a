import { expect, test } from 'vitest';
import { UnavailableError } from '../../../src/platform/lib/errors.ts';
import { toDomainError } from '../../../src/platform/postgres/errors.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { type AnotherOptions, testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

const timeouts = { statementMs: 10_000, lockMs: 10_000, idleInTransactionMs: 10_000 };

async function limited(options: AnotherOptions) {
  const db = await testDatabase();
  const tenant = await createTenant(db, { rows: ['agents', 'conversations'] });
  return { db, tenant, context: contextOf(tenant), ...db.another(options) };
}

test('cancels a slow statement inside and outside a transaction', async () => {
  const { database, context, close } = await limited({ timeouts: { ...timeouts, statementMs: 100 } });
  await expect(database.transactionAs(context, () => database.query('SELECT pg_sleep(10)'))).rejects.toBeInstanceOf(
    UnavailableError,
  );
  const error = await database.query('SELECT pg_sleep(10)').catch((reason: unknown) => reason);
  expect(toDomainError(error)).toBeInstanceOf(UnavailableError);
  expect((await database.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
  await close();
});

test('a lock timeout throws an UnavailableError', async () => {
  const { db, database, prisma, context, close } = await limited({ timeouts: { ...timeouts, lockMs: 100 } });
  const update = { text: "UPDATE agents SET name = 'Batch'" };
  await db.database.transactionAs(context, async () => {
    await db.prisma.agent.updateMany({ data: { name: 'Held' } });
    await expect(runWithContext(context, () => database.batch([update]))).rejects.toBeInstanceOf(UnavailableError);
    const second = database.transactionAs(context, async () => prisma.agent.updateMany({ data: { name: 'Second' } }));
    await expect(second).rejects.toBeInstanceOf(UnavailableError);
  });
  await database.transactionAs(context, async () => prisma.agent.updateMany({ data: { name: 'Third' } }));
  await close();
});

test('ends a transaction that is idle too long, and the pool recovers', async () => {
  const { db, database, prisma, context, tenant, close } = await limited({
    max: 1,
    timeouts: { ...timeouts, idleInTransactionMs: 100 },
  });
  const paused = database.transactionAs(context, async () => {
    await prisma.agent.updateMany({ data: { name: 'Paused' } });
    const { rows } = await database.query('SELECT pg_backend_pid() AS pid');
    await expect
      .poll(() => db.ownerQuery('SELECT FROM pg_stat_activity WHERE pid = $1', [rows[0].pid]), { timeout: 5_000 })
      .toEqual([]);
    await prisma.agent.count();
  });
  await expect(paused).rejects.toBeInstanceOf(UnavailableError);
  expect((await database.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
  expect(await db.ownerQuery('SELECT name FROM agents WHERE tenant_id = $1', [tenant.id])).toEqual([{ name: 'Agent' }]);
  await close();
});

test('replaces a lost connection', async () => {
  const { db, database, context, close } = await limited({ max: 1 });
  const pid = async () => (await database.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  const first = await pid();
  const cut = database.transactionAs(context, async () => {
    await db.ownerQuery('SELECT pg_terminate_backend($1)', [await pid()]);
    await database.query('SELECT pg_sleep(10)');
  });
  await expect(cut).rejects.toBeInstanceOf(UnavailableError);
  const second = await pid();
  expect(second).not.toBe(first);
  // The loss of an idle connection causes no error: the next statement uses another.
  await db.ownerQuery('SELECT pg_terminate_backend($1)', [second]);
  await expect.poll(() => database.pool.totalCount, { timeout: 5_000 }).toBe(0);
  expect(await pid()).not.toBe(second);
  await close();
});

test('a batch on a lost connection throws UnavailableError and stores nothing', async () => {
  const { db, database, context, tenant, close } = await limited({ max: 1 });
  const before = (await database.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  const cut = runWithContext(context, () =>
    database.batch([{ text: "UPDATE agents SET name = 'Lost'" }, { text: 'SELECT pg_sleep(10)' }]),
  );
  const rejected = expect(cut).rejects.toBeInstanceOf(UnavailableError);
  const asleep = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'";
  await expect.poll(() => db.ownerQuery(asleep, [before]), { timeout: 5_000 }).toHaveLength(1);
  await rejected;
  expect((await database.query('SELECT pg_backend_pid() AS pid')).rows[0].pid).not.toBe(before);
  expect(await db.ownerQuery('SELECT name FROM agents WHERE tenant_id = $1', [tenant.id])).toEqual([{ name: 'Agent' }]);
  await close();
});

test('fails instead of waiting if no connection can be opened', async () => {
  const { database, context, close } = await limited({ max: 1, connectionTimeoutMs: 1_000 });
  await database.transactionAs(context, async () => {
    const second = await runWithContext(context, () => database.query('SELECT 1').catch((error: unknown) => error));
    expect(second).toBeInstanceOf(UnavailableError);
  });
  await close();
});

test('the login role of the server has no privileged attribute and owns no object', async () => {
  const { database } = await testDatabase();
  const { rows } = await database.pool.query(
    `SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned
     FROM pg_roles r WHERE rolname = session_user`,
  );
  expect(rows).toEqual([{ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, owned: 0 }]);
});
