import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { SessionContext } from '../../../src/platform/postgres/request-scope.ts';
import { type TestDatabase, testDatabase, throwawayDatabase } from '../../testkit/database.ts';
import { contextOf, createConversation, createTenant, randomHash, type TestTenant, unique } from '../../testkit/tenants.ts';

interface AuditRow {
  action: string;
  actor: string;
  user_id: string | null;
  api_key_id: string | null;
  old_values: Record<string, unknown> | null;
  new_values: Record<string, unknown> | null;
  ip: string | null;
  user_agent: string | null;
  request_id: string | null;
}

/** Returns the audit rows that `work` adds to a tenant. */
async function auditOf(
  db: TestDatabase,
  tenant: TestTenant,
  context: SessionContext,
  work: () => Promise<unknown>,
): Promise<AuditRow[]> {
  const requestId = unique('request');
  await db.database.transactionAs({ ...context, requestId }, work);
  return db.ownerQuery<AuditRow>(
    `SELECT action, actor, user_id, api_key_id, old_values, new_values, host(ip) AS ip, user_agent, request_id FROM audit_logs
     WHERE tenant_id = $1 AND request_id = $2 ORDER BY id`,
    [tenant.id, requestId],
  );
}

describe('the audit log', () => {
  test('records the actor, the request and only the changed columns', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db, { rows: ['api_keys', 'conversations', 'agents'] });
    const context = { ...contextOf(tenant), ip: '2001:db8::7', userAgent: 'curl' };
    const rows = await auditOf(db, tenant, context, async () =>
      db.prisma.agent.updateMany({ data: { name: 'Renamed', temperature: 1 } }),
    );
    expect(rows).toEqual([
      {
        action: 'agent.updated',
        actor: 'USER',
        user_id: tenant.owner.userId,
        api_key_id: null,
        old_values: { name: 'Agent', temperature: null },
        new_values: { name: 'Renamed', temperature: 1 },
        ip: '2001:db8::7',
        user_agent: 'curl',
        request_id: rows[0]?.request_id,
      },
    ]);
  });

  test('records the API key, and the actor SYSTEM without a viewer', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db, { rows: ['api_keys', 'conversations', 'agents'] });
    const rename = async () => db.prisma.agent.updateMany({ data: { name: unique('name') } });
    const byKey = await auditOf(db, tenant, { ...contextOf(tenant), apiKeyId: tenant.idOf('api_keys') }, rename);
    expect(byKey).toMatchObject([{ actor: 'API_KEY', api_key_id: tenant.idOf('api_keys'), user_id: tenant.owner.userId }]);
    expect(await auditOf(db, tenant, { tenantId: tenant.id }, rename)).toMatchObject([{ actor: 'SYSTEM', user_id: null }]);
  });

  test('contains no secret', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db, { rows: ['api_keys', 'conversations', 'agents'] });
    const hash = randomHash();
    const secret = '$argon2id$v=19$m=19456,t=2,p=1$secret';
    const rows = await auditOf(db, tenant, contextOf(tenant), async () => {
      await db.prisma.user.updateMany({ where: { id: tenant.owner.userId }, data: { passwordHash: secret } });
      await db.prisma.apiKey.create({
        data: { tenantId: tenant.id, id: newId(), name: 'Key', keyHash: hash, keyPrefix: 'ab_live_test' },
      });
    });
    expect(rows.map(({ action, new_values }) => [action, new_values?.password_hash ?? new_values?.key_hash])).toEqual([
      ['user.updated', '[redacted]'],
      ['api_key.created', '[redacted]'],
    ]);
    const [leaks] = await db.ownerQuery('SELECT count(*)::int AS n FROM audit_logs t WHERE t::text LIKE ANY ($1)', [
      [`%${hash}%`, `%${secret}%`],
    ]);
    expect(leaks).toEqual({ n: 0 });
  });

  test('omits counters, which follow rows that it records', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db, { rows: ['api_keys', 'conversations', 'agents'] });
    const rows = await auditOf(db, tenant, contextOf(tenant), async () => {
      await db.prisma.apiKey.updateMany({ data: { usageCount: 5, lastUsedAt: new Date() } });
      await db.prisma.message.create({
        data: { tenantId: tenant.id, id: newId(), conversationId: tenant.idOf('conversations'), role: 'USER', content: 'Hello' },
      });
    });
    expect(rows.map(({ action }) => action)).toEqual(['message.created']);
  });

  test('is deleted only with its tenant', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db);
    await tenant.fillTables();
    const count = () => db.ownerQuery('SELECT count(*)::int AS n FROM audit_logs WHERE tenant_id = $1', [tenant.id]);
    await expect(db.ownerQuery('DELETE FROM users WHERE id = $1', [tenant.owner.userId])).rejects.toMatchObject({
      code: 'AB002',
    });
    expect((await count())[0]?.n).toBeGreaterThan(10);
    await db.ownerQuery('DELETE FROM tenants WHERE id = $1', [tenant.id]);
    expect(await count()).toEqual([{ n: 0 }]);
    for (const table of [
      'memberships',
      'agents',
      'conversations',
      'messages',
      'conversation_events',
      'tool_executions',
      'api_keys',
    ]) {
      expect(await db.ownerQuery(`SELECT FROM ${table} WHERE tenant_id = $1`, [tenant.id])).toEqual([]);
    }
  });

  test('records failures of the current tenant only', async () => {
    const db = await testDatabase();
    const tenant = await createTenant(db, { rows: ['api_keys', 'conversations', 'agents'] });
    const reportFailure = {
      text: 'SELECT app.audit_failure($1, $2, $3, $4)',
      values: ['agent.updated', 'agent', tenant.idOf('agents'), 'refused'],
    };
    await auditOf(db, tenant, contextOf(tenant), () => db.database.query(reportFailure));
    expect(
      await db.ownerQuery("SELECT error_message FROM audit_logs WHERE tenant_id = $1 AND status = 'FAILURE'", [tenant.id]),
    ).toEqual([{ error_message: 'refused' }]);
    await expect(db.database.transactionAs({}, () => db.database.query(reportFailure))).rejects.toThrow(
      'a failure is recorded in a tenant',
    );
  });
});

describe('when a log row is rejected', () => {
  let db: TestDatabase;
  let tenant: TestTenant;

  beforeAll(async () => {
    db = await throwawayDatabase();
    tenant = await createTenant(db);
    await createConversation(tenant);
  });

  afterAll(() => db.close());

  const rename = () =>
    db.database.transactionAs(contextOf(tenant), async () => db.prisma.agent.updateMany({ data: { name: 'Renamed' } }));
  const append = () =>
    db.database.transactionAs(contextOf(tenant), async () =>
      db.prisma.message.create({
        data: { tenantId: tenant.id, id: newId(), conversationId: tenant.idOf('conversations'), role: 'USER', content: 'Hello' },
      }),
    );

  test('a rejected audit row rolls back the change', async () => {
    await db.ownerQuery('ALTER TABLE audit_logs ADD CONSTRAINT refused CHECK (false) NOT VALID');
    await expect(rename()).rejects.toThrow(/refused/);
    await expect(append()).rejects.toThrow(/refused/);
    await db.ownerQuery('ALTER TABLE audit_logs DROP CONSTRAINT refused');
    expect(await db.ownerQuery('SELECT name FROM agents')).toEqual([{ name: 'Agent' }]);
    expect(await db.ownerQuery('SELECT last_sequence FROM conversations')).toEqual([{ last_sequence: 2 }]);
    await rename();
  });

  test('a rejected event rolls back the message', async () => {
    await db.ownerQuery('ALTER TABLE conversation_events ADD CONSTRAINT refused CHECK (false) NOT VALID');
    await expect(append()).rejects.toThrow(/refused/);
    await db.ownerQuery('ALTER TABLE conversation_events DROP CONSTRAINT refused');
    expect(await db.ownerQuery('SELECT count(*)::int AS n FROM messages')).toEqual([{ n: 2 }]);
    expect(await append()).toMatchObject({ sequence: 3 });
  });
});
