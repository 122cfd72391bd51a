import { describe, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { sqlStateOf } from '../../../src/platform/postgres/errors.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { type TestDatabase, testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant, unique } from '../../testkit/tenants.ts';

const READ_ONLY = '25006';

function refusal(work: () => Promise<unknown>): Promise<string | undefined> {
  return work().then(() => 'not refused', sqlStateOf);
}

const newAgent = (tenantId: string) => ({
  tenantId,
  id: newId(),
  name: 'New',
  slug: unique('new'),
  provider: 'local',
  model: 'echo',
});

describe('a statement outside a transaction', () => {
  test('sees the rows of the current actor, and none without an actor', async () => {
    const db = await testDatabase();
    const [mine, theirs] = [await createTenant(db, { rows: ['agents'] }), await createTenant(db, { rows: ['agents'] })];
    const agents = () => db.prisma.agent.findMany({ select: { id: true } });
    expect(await runWithContext(contextOf(mine), async () => agents())).toEqual([{ id: mine.idOf('agents') }]);
    expect(await runWithContext(contextOf(theirs), async () => agents())).toEqual([{ id: theirs.idOf('agents') }]);
    expect(await agents()).toEqual([]);
  });

  test('cannot write, with Prisma or SQL', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db, { rows: ['agents'] });
    await runWithContext(contextOf(tenant), async () => {
      const key = { tenantId_id: { tenantId: tenant.id, id: tenant.idOf('agents') } };
      expect(await refusal(async () => db.prisma.agent.create({ data: newAgent(tenant.id) }))).toBe(READ_ONLY);
      expect(await refusal(async () => db.prisma.agent.updateMany({ data: { name: 'Changed' } }))).toBe(READ_ONLY);
      await expect(db.prisma.agent.update({ where: key, data: { name: 'Changed' } })).rejects.toThrow();
      expect(await refusal(() => db.database.query("UPDATE agents SET name = 'Changed'"))).toBe(READ_ONLY);
      expect(await refusal(() => db.database.query('SELECT * FROM agents FOR UPDATE'))).toBe(READ_ONLY);
    });
    expect(await db.ownerQuery('SELECT name FROM agents WHERE tenant_id = $1', [tenant.id])).toEqual([{ name: 'Agent' }]);
  });

  test('returns only its own rows, although it is sent together with its context', async () => {
    const { database } = await testDatabase();
    const answer = await database.query({ text: 'SELECT $1::int AS n FROM generate_series(1, 2)', values: [7] });
    expect({
      rows: answer.rows,
      rowCount: answer.rowCount,
      command: answer.command,
      fields: answer.fields.map(({ name }) => name),
    }).toEqual({
      rows: [{ n: 7 }, { n: 7 }],
      rowCount: 2,
      command: 'SELECT',
      fields: ['n'],
    });
    expect((await database.query('SELECT WHERE false')).rows).toEqual([]);
  });

  test('isolates concurrent requests', async () => {
    const db = await testDatabase();
    const tenants = await Promise.all([1, 2, 3, 4].map(() => createTenant(db)));
    const seen = await Promise.all(
      Array.from({ length: 60 }, (_, n) => tenants[n % 4] ?? expect.fail()).map((tenant) =>
        runWithContext(contextOf(tenant), async () => ({
          tenant,
          rows: await db.prisma.tenant.findMany({ select: { id: true } }),
        })),
      ),
    );
    for (const { tenant, rows } of seen) expect(rows).toEqual([{ id: tenant.id }]);
  });
});

/** Sessions that start in the login role, because `db:migrate` has not set up the login or a pooler resets the role. */
const loginUrl = ({ urls }: TestDatabase) => urls && `${urls.server}?options=-c%20role%3Dnone`;

/** The settings of the idle connection. */
const SETTINGS = `SELECT current_user AS role, coalesce(current_setting('app.tenant_id', true), '') AS tenant,
  coalesce(current_setting('app.user_id', true), '') AS person, coalesce(current_setting('app.ip', true), '') AS ip,
  current_setting('transaction_read_only') AS read_only, current_setting('statement_timeout') AS timeout`;

describe('the next statement of the connection', () => {
  test.each([false, true])(
    'finds nothing of the one before, which may have failed; begun in another role: %s',
    async (asItself) => {
      const db = await testDatabase();
      const tenant = await createTenant(db, { rows: ['agents'] });
      const other = db.another({ max: 1, url: asItself ? loginUrl(db) : undefined });
      const left = async () => (await other.database.pool.query(SETTINGS)).rows[0];
      const before = await left();
      expect(before).toMatchObject({ tenant: '', person: '', ip: '', read_only: 'off' });
      expect(before.role === 'agentbase_app').toBe(!asItself && !db.embedded);

      const works: (() => Promise<unknown>)[] = [
        () => other.database.query('SELECT current_user'),
        () => other.database.query('SELECT 1 / 0'),
        () => other.database.query('not SQL'),
        () => other.database.query('SELECT * FROM nowhere'),
        () => other.database.query({ text: 'SELECT $1::uuid', values: ['no uuid'] }),
        () => other.database.query('UPDATE agents SET name = name'),
        () => other.database.transaction(async () => other.prisma.agent.findMany()),
        () => other.database.transaction(async () => other.database.query('SELECT 1 / 0')),
        () => other.database.transaction(() => Promise.reject(new Error('given up'))),
      ];
      for (const work of works) {
        await runWithContext(contextOf(tenant), () => work()).catch(() => {});
        expect(await left()).toEqual(before);
        expect(await other.prisma.agent.findMany()).toEqual([]);
      }
      await other.close();
    },
  );

  test.each([false, true])(
    'runs as the application role, which is not the login; begun in another role: %s',
    async (asItself) => {
      const db = await testDatabase();
      const { database, close } = db.another({ url: asItself ? loginUrl(db) : undefined });
      const text = `SELECT current_user AS role, session_user <> current_user AS other, current_setting('transaction_read_only') AS read_only`;
      const as = (readOnly: string) => [{ role: 'agentbase_app', other: true, read_only: readOnly }];
      expect((await database.query(text)).rows).toEqual(as('on'));
      expect((await database.batch([{ text }]))[0]?.rows).toEqual(as('off'));
      expect((await database.transaction(() => database.query(text))).rows).toEqual(as('off'));
      await close();
    },
  );
});

describe('the transaction of a viewer', () => {
  test('is read-only in the database and cannot become writable', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db, { members: ['VIEWER', 'MEMBER'], rows: ['agents'] });
    const asViewer = (work: () => Promise<unknown>) =>
      refusal(() => db.database.transactionAs(contextOf(tenant, 'VIEWER'), work));
    expect(await asViewer(async () => db.prisma.agent.create({ data: newAgent(tenant.id) }))).toBe(READ_ONLY);
    expect(await asViewer(() => db.database.query("UPDATE agents SET name = 'Changed'"))).toBe(READ_ONLY);
    for (const lift of [
      'SET TRANSACTION READ WRITE',
      'SET transaction_read_only = off',
      "SELECT set_config('transaction_read_only', 'off', true)",
    ]) {
      expect(await asViewer(() => db.database.query(lift))).toMatch(/^25/);
    }
    expect(await asViewer(async () => expect(await db.prisma.agent.count()).toBe(1))).toBe('not refused');
    await db.database.transactionAs(contextOf(tenant, 'MEMBER'), async () =>
      db.prisma.agent.create({ data: newAgent(tenant.id) }),
    );
    expect(await db.ownerQuery('SELECT name FROM agents WHERE tenant_id = $1 ORDER BY name', [tenant.id])).toEqual([
      { name: 'Agent' },
      { name: 'New' },
    ]);
  });
});
