import { beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../../src/platform/auth/permissions.ts';
import { InvalidStateError } from '../../../src/platform/lib/errors.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { Database } from '../../../src/platform/postgres/database.ts';
import { runWithContext, type SessionContext } from '../../../src/platform/postgres/request-scope.ts';
import { batchQueryRows, sql } from '../../../src/platform/postgres/sql.ts';
import { type TestDatabase, testDatabase } from '../../testkit/database.ts';
import { contextOf, createConversation, createTenant, type TestTenant } from '../../testkit/tenants.ts';

let db: TestDatabase;
let database: Database;

beforeAll(async () => {
  db = await testDatabase();
});

async function tenantWithConversation(members: Role[] = []): Promise<TestTenant> {
  const tenant = await createTenant(db, { members });
  await createConversation(tenant);
  return tenant;
}

const rename = (tenant: TestTenant, name: string) => ({
  text: 'UPDATE agents SET name = $1 WHERE id = $2',
  values: [name, tenant.idOf('agents')],
});
const insert = ({ id, idOf }: TestTenant) => ({
  text: "INSERT INTO messages (tenant_id, id, conversation_id, role, content) VALUES ($1, $2, $3, 'USER', 'Hello')",
  values: [id, newId(), idOf('conversations')],
});
const batchAs = (context: SessionContext, statements: { text: string; values?: unknown[] }[]) =>
  runWithContext(context, () => database.batch(statements));
const namesOf = async ({ id }: TestTenant) =>
  (await db.ownerQuery('SELECT name FROM agents WHERE tenant_id = $1', [id])).map(({ name }) => name);

const ways: [string, boolean][] = [
  ['in one round trip', true],
  ['with the public interface of pg alone', false],
];

describe.each(ways)('a batch outside a transaction, %s,', (_way, pipelining) => {
  beforeAll(() => {
    const other = db.another({ pipelining });
    database = other.database;
    return other.close;
  });

  test('is atomic: an error rolls back the statements before it', async () => {
    const tenant = await tenantWithConversation();
    for (const wrong of ['SELECT 1 / 0', 'SELECT FROM nowhere', 'not SQL']) {
      await expect(batchAs(contextOf(tenant), [rename(tenant, 'Lost'), { text: wrong }])).rejects.toThrow();
      await expect(batchAs(contextOf(tenant), [{ text: wrong }, rename(tenant, 'Never')])).rejects.toThrow();
    }
    expect(await namesOf(tenant)).toEqual(['Agent']);
    await batchAs(contextOf(tenant), [rename(tenant, 'First'), rename(tenant, 'Second')]);
    expect(await namesOf(tenant)).toEqual(['Second']);
  });

  test('each statement sees the changes of earlier statements and their triggers', async () => {
    const tenant = await tenantWithConversation();
    const last = sql`SELECT last_sequence FROM conversations WHERE id = ${tenant.idOf('conversations')}`;
    const message = sql`INSERT INTO messages (tenant_id, id, conversation_id, role, content)
      VALUES (${tenant.id}, ${newId()}, ${tenant.idOf('conversations')}, 'USER', 'Hello') RETURNING sequence`;
    const answers = await runWithContext(contextOf(tenant), () =>
      batchQueryRows<[{ lastSequence: number }, { sequence: number }, { lastSequence: number }]>(database, [last, message, last]),
    );
    expect(answers).toEqual([[{ lastSequence: 2 }], [{ sequence: 3 }], [{ lastSequence: 3 }]]);
  });

  test('reads and changes only rows of the current actor', async () => {
    const [tenant, stranger] = [await tenantWithConversation(), await tenantWithConversation()];
    expect(await batchAs(contextOf(stranger), [rename(tenant, 'Stolen')])).toMatchObject([{ rowCount: 0 }]);
    await expect(batchAs(contextOf(stranger), [insert(tenant)])).rejects.toThrow();
    await expect(batchAs({}, [insert(tenant)])).rejects.toThrow();
    expect(await namesOf(tenant)).toEqual(['Agent']);
    expect(await db.ownerQuery('SELECT FROM messages WHERE tenant_id = $1', [tenant.id])).toHaveLength(2);
  });

  test('is read-only for viewers', async () => {
    const tenant = await tenantWithConversation(['VIEWER']);
    const viewer = contextOf(tenant, 'VIEWER');
    await expect(batchAs(viewer, [rename(tenant, 'Changed')])).rejects.toMatchObject({ code: '25006' });
    expect(await batchAs(viewer, [{ text: 'SELECT name FROM agents' }])).toMatchObject([{ rows: [{ name: 'Agent' }] }]);
    expect(await namesOf(tenant)).toEqual(['Agent']);
  });

  test('records the request in the audit log, like a transaction', async () => {
    const tenant = await tenantWithConversation();
    const request = { requestId: newId(), ip: '192.0.2.7', userAgent: 'x'.repeat(600) };
    const context = { ...contextOf(tenant), ...request };
    await batchAs(context, [rename(tenant, 'Batch')]);
    await database.transactionAs(context, () => database.query(rename(tenant, 'Transaction')));
    const logs = await db.ownerQuery(
      "SELECT actor, user_id, host(ip) AS ip, user_agent, new_values ->> 'name' AS name FROM audit_logs WHERE request_id = $1 ORDER BY name",
      [request.requestId],
    );
    const expectedContext = { actor: 'USER', user_id: tenant.owner.userId, ip: request.ip, user_agent: 'x'.repeat(512) };
    expect(logs).toEqual([
      { ...expectedContext, name: 'Batch' },
      { ...expectedContext, name: 'Transaction' },
    ]);
  });

  test('leaves no settings on the connection, also after an error', async () => {
    const tenant = await tenantWithConversation();
    const other = db.another({ max: 1, pipelining });
    const settings = `SELECT current_user AS role, current_setting('transaction_read_only') AS read_only, current_setting('lock_timeout') AS wait,
      ${['tenant_id', 'user_id', 'api_key_id', 'request_id', 'ip', 'user_agent'].map((name) => `coalesce(current_setting('app.${name}', true), '')`).join(" || ' ' || ")} AS context`;
    const left = async () => (await other.database.pool.query(settings)).rows[0];
    const before = await left();
    expect(before.context.trim()).toBe('');
    const context = { ...contextOf(tenant), requestId: newId(), ip: '192.0.2.7', userAgent: 'vitest' };
    for (const last of ['SELECT 1', 'SELECT 1 / 0']) {
      await runWithContext(context, () => other.database.batch([rename(tenant, 'Named'), { text: last }])).catch(() => {});
      expect(await left()).toEqual(before);
      await expect(runWithContext(contextOf(tenant), () => other.database.query(rename(tenant, 'Late')))).rejects.toMatchObject({
        code: '25006',
      });
    }
    expect(await namesOf(tenant)).toEqual(['Named']);
    await other.close();
  });

  test('throws the same errors as a transaction', async () => {
    const tenant = await tenantWithConversation();
    const end = { text: "UPDATE conversations SET status = 'COMPLETED', completed_at = now()" };
    await expect(batchAs(contextOf(tenant), [end, insert(tenant)])).rejects.toBeInstanceOf(InvalidStateError);
    expect(await db.ownerQuery('SELECT status FROM conversations WHERE tenant_id = $1', [tenant.id])).toEqual([
      { status: 'ACTIVE' },
    ]);
  });
});

test('a batch inside a transaction joins it', async () => {
  database = db.database;
  const tenant = await tenantWithConversation();
  const undone = database.transactionAs(contextOf(tenant), async () => {
    const [, selected] = await database.batch([rename(tenant, 'Undone'), { text: 'SELECT name FROM agents' }]);
    expect(selected?.rows).toEqual([{ name: 'Undone' }]);
    throw new Error('given up');
  });
  await expect(undone).rejects.toThrow('given up');
  expect(await namesOf(tenant)).toEqual(['Agent']);
});
