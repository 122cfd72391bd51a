import { AsyncResource } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { ConflictError, InvalidStateError, NotFoundError } from '../../../src/platform/lib/errors.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { afterCommit, runWithContext, switchActor } from '../../../src/platform/postgres/request-scope.ts';
import { type TestDatabase, testDatabase } from '../../testkit/database.ts';
import { contextOf, createConversation, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

async function setUp(): Promise<{ db: TestDatabase; tenant: TestTenant }> {
  const db = await testDatabase();
  const tenant = await createTenant(db);
  await createConversation(tenant);
  await tenant.row('refresh_tokens');
  return { db, tenant };
}

const message = (tenant: TestTenant, id = newId()) => ({
  data: { tenantId: tenant.id, id, conversationId: tenant.idOf('conversations'), role: 'USER' as const, content: 'Hello' },
});

/** The rows that a change of a conversation writes. */
const traces = (db: TestDatabase, tenant: TestTenant) =>
  db.ownerQuery(
    `SELECT (SELECT count(*) FROM messages WHERE tenant_id = $1)::int AS messages, (SELECT count(*) FROM conversation_events WHERE tenant_id = $1)::int AS events,
       (SELECT count(*) FROM audit_logs WHERE tenant_id = $1)::int AS audits, (SELECT last_sequence FROM conversations WHERE id = $2) AS last`,
    [tenant.id, tenant.idOf('conversations')],
  );

test('a change, its event and its audit row commit or roll back together', async () => {
  const { db, tenant } = await setUp();
  const before = await traces(db, tenant);
  const append = (fail: boolean) =>
    db.database.transactionAs(contextOf(tenant), async () => {
      await db.prisma.message.create(message(tenant));
      if (fail) throw new Error('given up');
    });
  await expect(append(true)).rejects.toThrow('given up');
  expect(await traces(db, tenant)).toEqual(before);
  await append(false);
  expect(await traces(db, tenant)).toEqual([
    { messages: 3, events: Number(before[0]?.events) + 1, audits: Number(before[0]?.audits) + 1, last: 3 },
  ]);
});

test('afterCommit runs when the change is visible, and never after a rollback', async () => {
  const { db, tenant } = await setUp();
  const calls: string[] = [];
  const [kept, lost] = [newId(), newId()];
  await db.database.transactionAs(contextOf(tenant), async () => {
    afterCommit(() => calls.push('committed'));
    await db.prisma.message.create(message(tenant, kept));
    expect(calls).toEqual([]);
  });
  expect(calls).toEqual(['committed']);
  const failing = db.database.transactionAs(contextOf(tenant), async () => {
    afterCommit(() => calls.push('rolled back'));
    await db.prisma.message.create(message(tenant, lost));
    throw new Error('given up');
  });
  await expect(failing).rejects.toThrow('given up');
  expect(calls).toEqual(['committed']);
  expect(await db.ownerQuery('SELECT id FROM messages WHERE id = ANY ($1)', [[kept, lost]])).toEqual([{ id: kept }]);
  expect(() => afterCommit(() => {})).toThrow('afterCommit needs an open transaction');
});

test('an error with `commit` commits the writes and is rethrown', async () => {
  const { db, tenant } = await setUp();
  const calls: string[] = [];
  const work = db.database.transactionAs(contextOf(tenant), async () => {
    afterCommit(() => calls.push('committed'));
    await db.prisma.refreshToken.updateMany({ data: { revokedAt: new Date() } });
    throw new ConflictError('stolen', { commit: true });
  });
  await expect(work).rejects.toThrow('stolen');
  expect(calls).toEqual(['committed']);
  expect(
    await db.ownerQuery('SELECT revoked_at IS NOT NULL AS revoked FROM refresh_tokens WHERE tenant_id = $1', [tenant.id]),
  ).toEqual([{ revoked: true }]);
});

test('a transaction inside a transaction joins it', async () => {
  const { db, tenant } = await setUp();
  const work = db.database.transactionAs(contextOf(tenant), async () => {
    await db.database.transaction(async () => db.prisma.message.create(message(tenant)));
    expect(await db.prisma.message.count()).toBe(3);
    throw new Error('given up');
  });
  await expect(work).rejects.toThrow('given up');
  expect(await runWithContext(contextOf(tenant), async () => db.prisma.message.count())).toBe(2);
});

test('rejects a statement after the end of its transaction', async () => {
  const { db, tenant } = await setUp();
  let late: (() => Promise<unknown>) | undefined;
  await db.database.transactionAs(contextOf(tenant), async () => {
    late = AsyncResource.bind(() => db.database.query('SELECT 1'));
  });
  await expect(late?.()).rejects.toThrow('the transaction has ended');
});

test('switchActor works only inside a transaction', async () => {
  const { db, tenant } = await setUp();
  const other = await createTenant(db);
  const tenants = () => db.prisma.tenant.findMany({ select: { id: true } });
  await db.database.transactionAs(contextOf(tenant), async () => {
    expect(await tenants()).toEqual([{ id: tenant.id }]);
    await switchActor({ tenantId: other.id });
    expect(await tenants()).toEqual([{ id: other.id }]);
  });
  await expect(switchActor({ tenantId: other.id })).rejects.toThrow('needs an open transaction');
});

test('converts database errors to errors that the caller can act on', async () => {
  const { db, tenant } = await setUp();
  const refused = (work: () => Promise<unknown>) => expect(db.database.transactionAs(contextOf(tenant), work)).rejects;
  const data = { tenantId: tenant.id, name: 'New', provider: 'local', model: 'echo' };
  const slug = unique('taken');
  await db.database.transactionAs(contextOf(tenant), async () =>
    db.prisma.agent.create({ data: { ...data, id: newId(), slug } }),
  );
  await refused(async () => db.prisma.agent.create({ data: { ...data, id: newId(), slug } })).toBeInstanceOf(ConflictError);
  await refused(async () =>
    db.prisma.conversation.create({ data: { tenantId: tenant.id, id: newId(), agentId: newId() } }),
  ).toBeInstanceOf(NotFoundError);
  await refused(async () => db.prisma.membership.updateMany({ data: { role: 'MEMBER' } })).toBeInstanceOf(InvalidStateError);
  await refused(async () => {
    await db.prisma.conversation.updateMany({ data: { status: 'COMPLETED', completedAt: new Date() } });
    await db.prisma.message.create(message(tenant));
  }).toBeInstanceOf(InvalidStateError);
});
