import { expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { anyId } from '../../../src/platform/postgres/id-arrays.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { queryRows, raw, sql } from '../../../src/platform/postgres/sql.ts';
import { testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

test.each([0, 1, 2, 9, 10, 12])('%i ids match exactly their rows', async (count) => {
  const db = await testDatabase();
  const tenant = await createTenant(db, { members: Array.from({ length: 13 }, () => 'MEMBER' as const) });
  const ids = tenant.members.slice(0, count).map(({ membershipId }) => membershipId);
  const find = (wanted: string[]) =>
    runWithContext(contextOf(tenant), () =>
      queryRows<{ id: string }>(db.database, sql`SELECT id FROM memberships WHERE ${anyId(raw('id'), wanted)} ORDER BY id`),
    );
  expect((await find(ids)).map(({ id }) => id)).toEqual(ids.toSorted());
  expect((await find([...ids, newId()])).map(({ id }) => id)).toEqual(ids.toSorted());
});
