import { expect, test } from 'vitest';
import { runWithContext } from '../../src/db/context.ts';
import type { Database } from '../../src/db/database.ts';
import { isOneOf } from '../../src/db/ids.ts';
import { countRowsOf, type PageSource, readPage, readPages } from '../../src/db/page.ts';
import { raw, rows, sql } from '../../src/db/sql.ts';
import { newId } from '../../src/lib/ids.ts';
import { testDatabase } from '../testkit/database.ts';
import { contextOf, createTenant } from '../testkit/tenants.ts';

/** PostgreSQL looks at the first five executions of a statement before it keeps a plan. */
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
      (database) => rows(database, sql`SELECT title FROM conversations WHERE ${isOneOf(raw('id'), idsOf(count))}`),
    ],
    [`${count} people`, (database) => rows(database, sql`SELECT email FROM users WHERE ${isOneOf(raw('id'), idsOf(count))}`)],
    [`pages of ${count}`, (database) => readPages(database, SOURCE, { first: 5 }, 'agent_id', idsOf(count))],
    [`counts of ${count}`, (database) => countRowsOf(database, SOURCE, 'agent_id', idsOf(count))],
  ]),
];

test.each(works)('a plan is kept: %s', async (_, work) => {
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

test('a member is looked up, and not among all members of a tenant', async () => {
  const db = await testDatabase();
  const tenant = await createTenant(db, { rows: ['agents', 'conversations'] });
  const plan = await runWithContext(contextOf(tenant), () =>
    rows<{ 'QUERY PLAN': string }>(db.database, sql`EXPLAIN SELECT email FROM users WHERE ${isOneOf(raw('id'), idsOf(40))}`),
  );
  const text = plan.map(Object.values).join('\n');
  expect(text).toContain('memberships');
  expect(text).not.toContain('hashed');
});
