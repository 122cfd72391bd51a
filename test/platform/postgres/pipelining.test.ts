import pg from 'pg';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { readPage } from '../../../src/platform/postgres/keyset-pagination.ts';
import { checkPipelining } from '../../../src/platform/postgres/protocol/verify-pipelining.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../src/platform/postgres/sql.ts';
import { type TestDatabase, testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant } from '../../testkit/tenants.ts';

let db: TestDatabase;

beforeAll(async () => {
  db = await testDatabase();
});

afterEach(() => {
  vi.restoreAllMocks();
});

test('the installed pg passes the pipelining check', () => {
  expect(checkPipelining()).toBeUndefined();
  expect(db.database).toMatchObject({ pipelined: true, pipeliningProblem: undefined, preparedStatements: true });
});

const prototype = pg.Client.prototype as unknown as Record<
  string,
  (this: { connection: Record<string, unknown> }, ...rest: never[]) => unknown
>;

test.each<[moved: string, problem: string, change: () => void]>([
  [
    'the lists of statements',
    'parsedStatements',
    () => {
      const handle = prototype._handleParseComplete;
      vi.spyOn(prototype, '_handleParseComplete').mockImplementation(function (this: never) {
        handle?.call(this);
        (this as { connection: { parsedStatements: object } }).connection.parsedStatements = {};
      });
    },
  ],
  ['the way of messages to what was submitted', 'rows', () => vi.spyOn(prototype, '_handleDataRow').mockImplementation(() => {})],
  ['the way of errors', 'error', () => vi.spyOn(prototype, '_handleErrorMessage').mockImplementation(() => {})],
  [
    'the stream',
    'write',
    () => {
      const query = prototype.query;
      vi.spyOn(prototype, 'query').mockImplementation(function (this: never, ...rest: never[]) {
        const { connection } = this as { connection: { stream: unknown } };
        connection.stream = {};
        return query?.apply(this, rest);
      });
    },
  ],
])('the check detects a pg that changed %s', (_moved, problem, change) => {
  change();
  expect(checkPipelining()).toContain(problem);
});

test('without pipelining, a read runs in its own read-only transaction', async () => {
  const other = db.another({ pipelining: false });
  const tenant = await createTenant(db);
  const agent = await tenant.row('agents', { name: 'Agent' });
  expect(other.database).toMatchObject({ pipelined: false, pipeliningProblem: 'switched off', preparedStatements: false });
  const client = await other.database.pool.connect();
  const sent: string[] = [];
  const query = client.query.bind(client) as (config: never) => Promise<pg.QueryResult>;
  const spy = vi.spyOn(client, 'query').mockImplementation(((config: string | { text: string }) => {
    sent.push((typeof config === 'string' ? config : config.text).split(/[ ;]/)[0] ?? '');
    return query(config as never);
  }) as never);
  client.release();
  const source = { table: 'agents', order: { column: 'created_at', type: 'timestamptz', direction: 'DESC' }, where: [] } as const;
  const found = await runWithContext(contextOf(tenant), () => readPage<{ id: string }>(other.database, source, {}));
  expect(found.nodes.map(({ id }) => id)).toEqual([agent.id]);
  if (db.embedded) expect(sent).toEqual(['BEGIN', 'SELECT', 'COMMIT']);
  const write = runWithContext(contextOf(tenant), () => queryRows(other.database, sql`UPDATE agents SET name = 'Changed'`));
  await expect(write).rejects.toMatchObject({ code: '25006' });
  const loaded = await runWithContext(contextOf(tenant), async () => other.prisma.agent.findMany({ select: { name: true } }));
  expect(loaded).toEqual([{ name: 'Agent' }]);
  spy.mockRestore();
  await other.close();
});

test('without pipelining, a tenant reads only its own rows', async () => {
  const other = db.another({ pipelining: false });
  const [one, two] = [await createTenant(db), await createTenant(db)];
  const idOf = (tenant: typeof one) =>
    runWithContext(contextOf(tenant), () => queryRows<{ id: string }>(other.database, sql`SELECT id FROM tenants`));
  expect(await Promise.all([idOf(one), idOf(two)])).toEqual([[{ id: one.id }], [{ id: two.id }]]);
  expect(await queryRows(other.database, sql`SELECT id FROM tenants`)).toEqual([]);
  await other.close();
});
