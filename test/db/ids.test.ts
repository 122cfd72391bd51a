import { expect, test } from 'vitest';
import { runWithContext } from '../../src/db/context.ts';
import { isOneOf } from '../../src/db/ids.ts';
import { raw, rows, sql } from '../../src/db/sql.ts';
import { newId } from '../../src/lib/ids.ts';
import { testDatabase } from '../testkit/database.ts';
import { contextOf, createTenant } from '../testkit/tenants.ts';

test.each([0, 1, 2, 9, 10, 12])('%i ids find their rows and no others', async (count) => {
  const db = await testDatabase();
  const tenant = await createTenant(db, { members: Array.from({ length: 13 }, () => 'MEMBER' as const) });
  const ids = tenant.members.slice(0, count).map(({ membershipId }) => membershipId);
  const find = (wanted: string[]) =>
    runWithContext(contextOf(tenant), () =>
      rows<{ id: string }>(db.database, sql`SELECT id FROM memberships WHERE ${isOneOf(raw('id'), wanted)} ORDER BY id`),
    );
  expect((await find(ids)).map(({ id }) => id)).toEqual(ids.toSorted());
  expect((await find([...ids, newId()])).map(({ id }) => id)).toEqual(ids.toSorted());
});
