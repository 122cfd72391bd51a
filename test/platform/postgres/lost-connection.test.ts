import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { type TestDatabase, throwawayDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant, type TestTenant } from '../../testkit/tenants.ts';

// A separate database: a lost connection would affect other tests that share it.
let db: TestDatabase;
let tenant: TestTenant;

beforeAll(async () => {
  db = await throwawayDatabase();
  tenant = await createTenant(db, { rows: ['agents'] });
});

afterAll(() => db.close());

const agents = () => runWithContext(contextOf(tenant), async () => db.prisma.agent.findMany({ select: { name: true } }));
const rename = (name: string) =>
  db.database.transactionAs(contextOf(tenant), async () => db.prisma.agent.updateMany({ data: { name } }));

test('a transaction with a swallowed database error fails at commit, and the next one succeeds', async () => {
  const work = db.database.transactionAs(contextOf(tenant), async () => {
    await db.prisma.agent.updateMany({ data: { name: 'Lost' } });
    await db.database.query('SELECT 1 / 0').catch(() => {});
  });
  await expect(work).rejects.toThrow('rolled back because a statement in it failed');
  expect(await agents()).toEqual([{ name: 'Agent' }]);
  await rename('Second');
  expect(await agents()).toEqual([{ name: 'Second' }]);
});

test('a connection discarded in a transaction leaves no state to the next one', async () => {
  const client = await db.database.pool.connect();
  await client.query("BEGIN; SELECT set_config('role', 'agentbase_app', false), set_config('app.tenant_id', 'nonsense', false)");
  await client.query({ name: 'left_behind', text: 'SELECT 1' });
  client.release(true);
  expect(await agents()).toEqual([{ name: 'Second' }]);
  await rename('Third');
  expect(await agents()).toEqual([{ name: 'Third' }]);
  expect(await db.ownerQuery("SELECT coalesce(current_setting('app.tenant_id', true), '') AS tenant")).toEqual([{ tenant: '' }]);
});
