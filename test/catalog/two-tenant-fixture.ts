import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { newId } from '../../src/platform/lib/ids.ts';
import type { SessionContext } from '../../src/platform/postgres/request-scope.ts';
import { createTenant, type TestTenant } from '../testkit/tenants.ts';
import { type Query, type Reference, readIndexes, readReferences, readTables, type Table } from './catalog.ts';

import { commonTables } from './expectations.ts';

export type Row = Record<string, unknown>;

/** Two tenants with a row in every table, and the catalog of the tables. */
export interface TwoTenantFixture {
  ownTenant: TestTenant;
  otherTenant: TestTenant;
  tables: Table[];
  /** The unique keys of a table besides its id. */
  uniques: { table: string; columns: string[] }[];
  references: Reference[];
  /** A second row of the first tenant, by table, for twins that must refer to another row than the original. */
  alternates: Record<string, string>;
}

export async function createTwoTenantFixture(
  clients: Parameters<typeof createTenant>[0],
  query: Query,
): Promise<TwoTenantFixture> {
  const ownTenant = await createTenant(clients, { members: ['ADMIN'] });
  const otherTenant = await createTenant(clients);
  for (const tenant of [ownTenant, otherTenant]) {
    await tenant.row('chunks', { content: 'Hello there', position: 0 });
    await tenant.fillTables();
  }
  return {
    ownTenant,
    otherTenant,
    tables: await readTables(query),
    uniques: [
      ...(await readIndexes(query)).filter(({ unique, primary, partial }) => unique && !primary && !partial),
      ...(await uniqueInAMonth(query)),
    ],
    references: await readReferences(query),
    alternates: await alternatesOf(ownTenant),
  };
}

/** Rows for unique foreign keys: a twin cannot refer to the same row as the original. */
async function alternatesOf({ row }: TestTenant): Promise<Record<string, string>> {
  return { conversations: (await row('conversations')).id, mcp_servers: (await row('mcp_servers')).id };
}

/** A partitioned table has unique indexes per partition only. */
async function uniqueInAMonth(query: Query): Promise<TwoTenantFixture['uniques']> {
  return query(
    `SELECT table_name::text AS table, string_to_array(unique_columns, ', ') AS columns FROM app.partitioned_tables
     WHERE unique_columns IS NOT NULL`,
  );
}

export function quote(name: string): string {
  return pg.escapeIdentifier(name);
}

/** The condition for the rows of a tenant and of its users. */
export function rowsOf(table: Table, tenant: TestTenant): string {
  if (table.columns.some(({ name }) => name === 'tenant_id')) return `tenant_id = '${tenant.id}'`;
  if (commonTables.has(table.name)) return 'false';
  if (table.name === 'tenants') return `id = '${tenant.id}'`;
  return `${table.name === 'users' ? 'id' : 'user_id'} = '${tenant.owner.userId}'`;
}

/** Reads any row of a tenant with every column, as the owner. */
export async function rowOf(query: Query, table: Table, tenant: TestTenant): Promise<Row | undefined> {
  const [row] = await query<{ row: Row }>(
    `SELECT to_jsonb(t) AS row FROM ${quote(table.name)} t WHERE ${rowsOf(table, tenant)} ORDER BY id LIMIT 1`,
  );
  return row?.row;
}

/** Copies a row with another id and other values in unique keys. */
export function copyRow(scene: TwoTenantFixture, table: Table, row: Row): Row {
  const twin: Row = { ...row, id: newId() };
  for (const { columns } of scene.uniques.filter((unique) => unique.table === table.name)) {
    // A key with null is unique already. Otherwise one other column must differ, but not tenant_id.
    const column = columns.some((name) => row[name] === null) ? undefined : columns.findLast((name) => name !== 'tenant_id');
    if (column) twin[column] = another(scene, table, column, row[column]);
  }
  return twin;
}

function another(scene: TwoTenantFixture, table: Table, name: string, value: unknown): unknown {
  const type = table.columns.find((column) => column.name === name)?.type ?? '';
  const text = randomBytes(32).toString('hex');
  if (type === 'uuid') {
    const reference = scene.references.find((r) => r.table === table.name && r.columns.at(-1) === name);
    if (reference?.target === 'users') return scene.otherTenant.owner.userId;
    return scene.alternates[reference?.target ?? ''] ?? newId();
  }
  if (type === 'integer' || type === 'bigint') return randomBytes(3).readUIntBE(0, 3) + 1_000;
  if (String(value).includes('@')) return `${text.slice(0, 12)}@example.test`;
  // A storage key starts with the tenant.
  const folder = String(value).replace(/[^/]*$/, '');
  return type === 'character(64)' ? text : `${folder}${text.slice(0, 12)}`;
}

/** INSERT with every column of a row. Its one parameter is the row as JSON. */
export function insertSql(table: Table): string {
  const columns = table.columns.map(({ name }) => quote(name)).join(', ');
  return `INSERT INTO ${quote(table.name)} (${columns}) SELECT ${columns} FROM jsonb_populate_record(NULL::${quote(table.name)}, $1::jsonb)`;
}

/** The user who may write a row of a table. */
export function authorOf(table: Table, row: Row, tenant: TestTenant): SessionContext {
  if (table.name === 'tenants') return { tenantId: String(row.id), userId: tenant.owner.userId };
  if (table.name === 'users') return { tenantId: tenant.id, userId: String(row.id) };
  return { tenantId: tenant.id, userId: tenant.owner.userId };
}
