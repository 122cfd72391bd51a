import { v7 } from 'uuid';
import { expect, test } from 'vitest';
import { testDatabase } from '../testkit/database.ts';
import { type Probe, rolledBack } from '../testkit/roles.ts';
import { createTenant, type TestTenant } from '../testkit/tenants.ts';
import type { Query } from './catalog.ts';

/** The first moment of a month, counted from this one. */
function monthStart(ahead: number): Date {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead));
}

/** `_YYYYMM` */
function suffix(ahead: number): string {
  return `_${monthStart(ahead).toISOString().slice(0, 7).replace('-', '')}`;
}

/** A UUIDv7 from the middle of a month. */
function idIn(ahead: number): string {
  return v7({ msecs: monthStart(ahead).getTime() + 14 * 86_400_000 });
}

async function withTenant<T>(work: (probe: Probe, tenant: TestTenant) => Promise<T>): Promise<T> {
  const db = await testDatabase();
  const tenant = await createTenant(db, { rows: ['conversations', 'tool_executions', 'messages'] });
  return rolledBack(db, (probe) => work(probe, tenant));
}

async function addExecution(query: Query, tenant: TestTenant, id: string): Promise<void> {
  await query(
    "INSERT INTO tool_executions (tenant_id, id, conversation_id, message_id, tool_name, status) VALUES ($1, $2, $3, $4, 'clock', 'SUCCESS')",
    [tenant.id, id, tenant.idOf('conversations'), tenant.idOf('messages')],
  );
}

async function partitionOf(query: Query, table: string, id: string): Promise<string | undefined> {
  const rows = await query<{ name: string }>(
    `SELECT c.relname::text AS name FROM ${table} t JOIN pg_class c ON c.oid = t.tableoid WHERE t.id = $1`,
    [id],
  );
  return rows[0]?.name;
}

const audited = async (query: Query, id: string) =>
  (await query<{ action: string }>('SELECT action FROM audit_logs WHERE resource_id = $1 ORDER BY id', [id])).map(
    ({ action }) => action,
  );

test('every partitioned table has partitions for this month and the next three, and a default partition', async () => {
  await withTenant(async ({ query }) => {
    const tables = await query<{ name: string }>('SELECT table_name::text AS name FROM app.partitioned_tables ORDER BY 1');
    expect(tables.map(({ name }) => name)).toEqual([
      'audit_logs',
      'conversation_events',
      'llm_calls',
      'mcp_tool_executions',
      'rag_queries',
      'tool_executions',
    ]);
    for (const { name } of tables) {
      const partitions = await query<{ name: string; bound: string }>(
        `SELECT c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = $1::regclass ORDER BY 1`,
        [name],
      );
      const floor = (ahead: number) => {
        const hex = monthStart(ahead).getTime().toString(16).padStart(12, '0');
        return `'${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000'`;
      };
      const months = [0, 1, 2, 3].map((ahead) => ({
        name: `${name}${suffix(ahead)}`,
        bound: `FOR VALUES FROM (${floor(ahead)}) TO (${floor(ahead + 1)})`,
      }));
      expect(partitions).toEqual([...months, { name: `${name}_default`, bound: 'DEFAULT' }]);
    }
  });
});

test('partitions use months in UTC in any session time zone', async () => {
  await withTenant(async ({ query }) => {
    for (const zone of ['Pacific/Kiritimati', 'America/New_York']) {
      await query(`SET LOCAL TimeZone = '${zone}'`);
      expect(await query('SELECT * FROM app.maintain_partitions()')).toEqual([]);
    }
    await query(`DROP TABLE partitions.audit_logs${suffix(3)}`);
    expect(await query('SELECT * FROM app.maintain_partitions()')).toEqual([
      { partition_name: `audit_logs${suffix(3)}`, change: 'created' },
    ]);
    const id = v7({ msecs: monthStart(4).getTime() - 1 });
    await query(
      "INSERT INTO audit_logs (tenant_id, id, actor, action, resource_type) SELECT id, $1, 'SYSTEM', 'x', 'x' FROM tenants LIMIT 1",
      [id],
    );
    expect(await partitionOf(query, 'audit_logs', id)).toBe(`audit_logs${suffix(3)}`);
  });
});

test('the default partition stores a row without a month, and the new month takes it unchanged', async () => {
  await withTenant(async (probe, tenant) => {
    const { query } = probe;
    const [late, other] = [idIn(3), idIn(40)];
    await query(`DROP TABLE partitions.tool_executions${suffix(3)}`);
    await addExecution(query, tenant, late);
    await addExecution(query, tenant, other);
    expect(await partitionOf(query, 'tool_executions', late)).toBe('tool_executions_default');
    const before = await query('SELECT to_jsonb(t) AS row FROM tool_executions t WHERE tenant_id = $1 ORDER BY id', [tenant.id]);
    const [events] = await query('SELECT count(*) FROM conversation_events WHERE conversation_id = $1', [
      tenant.idOf('conversations'),
    ]);

    await query('SET LOCAL ROLE agentbase_app');
    expect(await query('SELECT * FROM app.maintain_partitions()')).toEqual([
      { partition_name: `tool_executions${suffix(3)}`, change: 'created' },
    ]);
    await query('RESET ROLE');

    expect(await partitionOf(query, 'tool_executions', late)).toBe(`tool_executions${suffix(3)}`);
    expect(await partitionOf(query, 'tool_executions', other)).toBe('tool_executions_default');
    expect(await query('SELECT to_jsonb(t) AS row FROM tool_executions t WHERE tenant_id = $1 ORDER BY id', [tenant.id])).toEqual(
      before,
    );
    // The move is neither a delete nor an insert, so it adds no audit row or event.
    expect(await audited(query, late)).toEqual(['tool_execution.created']);
    expect(
      await query('SELECT count(*) FROM conversation_events WHERE conversation_id = $1', [tenant.idOf('conversations')]),
    ).toEqual([events]);

    // The new month and the default partition have the same triggers and row security as before.
    await addExecution(query, tenant, v7({ msecs: monthStart(3).getTime() }));
    await query('UPDATE tool_executions SET error_message = $1 WHERE id = ANY ($2)', ['late', [late, other]]);
    expect(await audited(query, late)).toEqual(['tool_execution.created', 'tool_execution.updated']);
    expect(await audited(query, other)).toEqual(['tool_execution.created', 'tool_execution.updated']);
    const unguarded = await query(
      "SELECT relname FROM pg_class WHERE relnamespace = 'partitions'::regnamespace AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)",
    );
    expect(unguarded).toEqual([]);
  });
});

test('retention drops exactly the expired months', async () => {
  await withTenant(async ({ query }, tenant) => {
    const [old, kept, current] = [idIn(-3), idIn(-2), idIn(0)];
    for (const id of [old, kept, current]) await addExecution(query, tenant, id);
    for (const ahead of [-3, -2]) await query("SELECT app.make_partition('tool_executions', $1)", [monthStart(ahead)]);
    expect(await query('SELECT * FROM app.maintain_partitions()')).toEqual([]);

    await query("UPDATE app.partitioned_tables SET retention_months = 2 WHERE table_name = 'tool_executions'");
    expect(await query('SELECT * FROM app.maintain_partitions()')).toEqual([
      { partition_name: `tool_executions${suffix(-3)}`, change: 'dropped' },
    ]);
    const left = await query<{ id: string }>('SELECT id FROM tool_executions WHERE tenant_id = $1 ORDER BY id', [tenant.id]);
    expect(left.map(({ id }) => id).toSorted()).toEqual([kept, current, tenant.idOf('tool_executions')].toSorted());
  });
});

test('event numbers are unique across partitions', async () => {
  await withTenant(async ({ query, undone }, tenant) => {
    const add = (id: string, sequence: number) =>
      query(
        "INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type) VALUES ($1, $2, $3, $4, 'CONVERSATION_UPDATED')",
        [tenant.id, id, tenant.idOf('conversations'), sequence],
      );
    for (const ahead of [0, 1, 2, 3, 40]) {
      await add(idIn(ahead), 1_000);
      await expect(undone(() => add(idIn(ahead), 1_000))).rejects.toMatchObject({ code: '23505' });
    }
  });
});

test('the application can create only the next partitions', async () => {
  const db = await testDatabase();
  await rolledBack(db, async ({ attempt }) => {
    const refusal = { code: '42501' };
    expect(await attempt('agentbase_app', {}, "SELECT app.make_partition('audit_logs', now())")).toMatchObject(refusal);
    expect(await attempt('agentbase_app', {}, "SELECT app.partition_by_month('agents')")).toMatchObject(refusal);
    expect(await attempt('agentbase_app', {}, 'UPDATE app.partitioned_tables SET retention_months = 1')).toMatchObject(refusal);
    expect(await attempt('agentbase_app', {}, 'SELECT * FROM partitions.audit_logs_default')).toMatchObject(refusal);
  });
});
