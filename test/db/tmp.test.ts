import { expect, test } from 'vitest';
import { testDatabase } from '../testkit/database.ts';
import { asRole } from '../testkit/roles.ts';
import { contextOf, createTenant } from '../testkit/tenants.ts';

test('kit', async () => {
  const db = await testDatabase();
  const t = performance.now();
  const a = await createTenant(db, { members: ['ADMIN', 'VIEWER'] });
  console.log('tenant ms', performance.now() - t);
  const t2 = performance.now();
  await createTenant(db);
  console.log('tenant ms', performance.now() - t2);
  const { rows } = await asRole(db, 'agentbase_app', contextOf(a), 'select count(*)::int as n from messages');
  expect(rows).toEqual([{ n: 2 }]);
});
