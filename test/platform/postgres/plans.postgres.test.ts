import { expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { Database } from '../../../src/platform/postgres/database.ts';
import { anyId } from '../../../src/platform/postgres/id-arrays.ts';
import { countByParent, type PageSource, readPage, readPages } from '../../../src/platform/postgres/keyset-pagination.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { queryRows, raw, sql } from '../../../src/platform/postgres/sql.ts';
import { testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

/** PostgreSQL uses custom plans for the first five executions, then may switch to a generic plan. */
const LOOKS = 5;
const TIMES = 8;

const SOURCE: PageSource = {
  table: 'conversations',
  order: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
  where: [],
};

const idsOf = (count: number) => Array.from({ length: count }, newId);
const works: [string, (database: Database) => Promise<unknown>][] = [
  ['a page', (database) => readPage(database, SOURCE, { first: 20 })],
  ...[1, 3, 40].flatMap((count): [string, (database: Database) => Promise<unknown>][] => [
    [
      `${count} by id`,
      (database) => queryRows(database, sql`SELECT title FROM conversations WHERE ${anyId(raw('id'), idsOf(count))}`),
    ],
    [`${count} people`, (database) => queryRows(database, sql`SELECT email FROM users WHERE ${anyId(raw('id'), idsOf(count))}`)],
    [`pages of ${count}`, (database) => readPages(database, SOURCE, { first: 5 }, 'agent_id', idsOf(count))],
    [`counts of ${count}`, (database) => countByParent(database, SOURCE, 'agent_id', idsOf(count))],
  ]),
];

test.each(works)('PostgreSQL reuses the plan: %s', async (_, work) => {
  const db = await testDatabase();
  const tenant = await createTenant(db, { rows: ['agents', 'conversations'] });
  const { database, close } = db.another({ max: 1 });
  const context = contextOf(tenant);
  for (let time = 0; time < TIMES; time++) await runWithContext(context, () => work(database));
  const { rows: statements } = await database.pool.query(
    "SELECT generic_plans >= $1 AS kept FROM pg_prepared_statements WHERE name LIKE 's\\_%'",
    [TIMES - LOOKS],
  );
  expect(statements).toEqual([{ kept: true }]);
  await close();
});

test('a membership lookup uses the index instead of scanning the members of a tenant', async () => {
  const db = await testDatabase();
  const tenant = await createTenant(db, { rows: ['agents', 'conversations'] });
  const plan = await runWithContext(contextOf(tenant), () =>
    queryRows<{ 'QUERY PLAN': string }>(db.database, sql`EXPLAIN SELECT email FROM users WHERE ${anyId(raw('id'), idsOf(40))}`),
  );
  const text = plan.map(Object.values).join('\n');
  expect(text).toContain('memberships');
  expect(text).not.toContain('hashed');
});
