import { expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { type TestDatabase, testDatabase } from '../../testkit/database.ts';
import { contextOf, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

/** A separate client, so that statements of other tests are not counted. */
async function counted(): Promise<{ db: TestDatabase; other: ReturnType<TestDatabase['another']>; statements: string[] }> {
  const db = await testDatabase();
  const other = db.another();
  const statements: string[] = [];
  other.database.onStatement = (text) => statements.push(text);
  return { db, other, statements };
}

const keyOf = (tenant: TestTenant, id = tenant.idOf('agents')) => ({
  where: { tenantId_id: { tenantId: tenant.id, id } },
  select: { id: true },
});

test('findUnique calls of two tenants in one tick send two statements, each with its own context', async () => {
  const { db, other, statements } = await counted();
  const [mine, theirs] = [
    await createTenant(db, { rows: ['agents', 'agent_versions'] }),
    await createTenant(db, { rows: ['agents', 'agent_versions'] }),
  ];
  const [own, foreign, foreignOwn] = await Promise.all([
    runWithContext(contextOf(mine), async () => other.prisma.agent.findUnique(keyOf(mine))),
    runWithContext(contextOf(mine), async () => other.prisma.agent.findUnique(keyOf(theirs))),
    runWithContext(contextOf(theirs), async () => other.prisma.agent.findUnique(keyOf(theirs))),
  ]);
  expect([own, foreign, foreignOwn]).toEqual([{ id: mine.idOf('agents') }, null, { id: theirs.idOf('agents') }]);
  expect(statements).toHaveLength(3);
  await other.close();
});

test('findUnique calls of one scope in one tick send one statement', async () => {
  const { db, other, statements } = await counted();
  const tenant = await createTenant(db, { rows: ['agents', 'agent_versions'] });
  const ids = [await tenant.anyId('messages'), (await tenant.row('messages')).id];
  const found = await runWithContext(contextOf(tenant), () =>
    Promise.all(
      ids.map((id) =>
        other.prisma.message.findUnique({ where: { tenantId_id: { tenantId: tenant.id, id } }, select: { sequence: true } }),
      ),
    ),
  );
  expect(found).toEqual([{ sequence: 1 }, { sequence: 2 }]);
  expect(statements).toHaveLength(1);
  await other.close();
});

test('findUnique calls inside a transaction join it and are not batched with calls outside', async () => {
  const { db, other } = await counted();
  const tenant = await createTenant(db, { rows: ['agents', 'agent_versions'] });
  const id = newId();
  const created = other.database.transactionAs(contextOf(tenant), async () => {
    await other.prisma.agent.create({
      data: { tenantId: tenant.id, id, name: 'New', slug: unique('new'), provider: 'local', model: 'echo' },
    });
    const seen = await other.prisma.agent.findUnique(keyOf(tenant, id));
    throw Object.assign(new Error('given up'), { seen });
  });
  await expect(created).rejects.toMatchObject({ message: 'given up', seen: { id } });
  expect(await runWithContext(contextOf(tenant), async () => other.prisma.agent.findUnique(keyOf(tenant, id)))).toBeNull();
  await other.close();
});

const withVersion = (tenantId: string, id: string, number = 1) => ({
  tenantId,
  id,
  name: 'New',
  slug: unique('new'),
  provider: 'local',
  model: 'echo',
  versions: { create: { id: newId(), number, snapshot: {} } },
});

test('a nested write of Prisma becomes a savepoint of the open transaction', async () => {
  const { db, other, statements } = await counted();
  const tenant = await createTenant(db, { rows: ['agents', 'agent_versions'] });
  const id = newId();
  await other.database.transactionAs(contextOf(tenant), async () =>
    other.prisma.agent.create({ data: withVersion(tenant.id, id) }),
  );
  expect(statements.map((text) => text.split(' ')[0])).toEqual(expect.arrayContaining(['SAVEPOINT', 'RELEASE']));
  expect(statements.filter((text) => /^(BEGIN|COMMIT)/.test(text))).toEqual(['BEGIN', 'COMMIT']);
  expect(await db.ownerQuery('SELECT number FROM agent_versions WHERE agent_id = $1', [id])).toEqual([{ number: 1 }]);
  await other.close();
});

test('a failed nested write rolls back to its savepoint, and the transaction continues', async () => {
  const { db, other } = await counted();
  const tenant = await createTenant(db, { rows: ['agents', 'agent_versions'] });
  const kept = newId();
  const lost = newId();
  await other.database.transactionAs(contextOf(tenant), async () => {
    await other.prisma.agent.create({ data: withVersion(tenant.id, kept) });
    const failing = withVersion(tenant.id, lost);
    failing.versions.create.id = tenant.idOf('agent_versions');
    await expect(other.prisma.agent.create({ data: failing })).rejects.toThrow();
  });
  expect(await db.ownerQuery('SELECT id FROM agents WHERE id = ANY ($1)', [[kept, lost]])).toEqual([{ id: kept }]);
  await other.close();
});

test('rejects a nested write outside a transaction', async () => {
  const { db, other } = await counted();
  const tenant = await createTenant(db, { rows: ['agents', 'agent_versions'] });
  const id = newId();
  await runWithContext(contextOf(tenant), () =>
    expect(other.prisma.agent.create({ data: withVersion(tenant.id, id) })).rejects.toThrow(
      'run it inside database.transaction()',
    ),
  );
  expect(await db.ownerQuery('SELECT FROM agents WHERE id = $1', [id])).toEqual([]);
  await other.close();
});

test('Prisma omits unreadable columns, and the database denies reading them', async () => {
  const { db, other } = await counted();
  const tenant = await createTenant(db, { rows: ['agents', 'agent_versions'] });
  await runWithContext(contextOf(tenant), async () => {
    expect(Object.keys((await other.prisma.user.findFirst()) ?? {})).not.toContain('passwordHash');
    expect(Object.keys((await other.prisma.apiKey.findFirst()) ?? {})).not.toContain('keyHash');
    await expect(other.prisma.user.findFirst({ omit: { passwordHash: false } })).rejects.toMatchObject({ code: 'P2039' });
  });
  await other.close();
});
