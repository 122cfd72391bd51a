/**
 * Rows for tests, built from the catalog: required columns by their type, foreign keys by inserting the row they refer to. A new table needs
 * no entry here; a column whose value the catalog does not explain gets one in `row-values.ts`.
 */
import pg from 'pg';
import { newId } from '../../src/platform/lib/ids.ts';
import type { Database } from '../../src/platform/postgres/database.ts';
import { runWithContext } from '../../src/platform/postgres/request-scope.ts';
import { readReferences, readTables, type Table } from '../catalog/catalog.ts';
import { columnValues, generateValue, type ValueOptions } from './row-values.ts';

/** The columns of a row that the factory wrote. */
export type Row = Record<string, unknown> & { id: string };

export interface Rows {
  /** Inserts another row of a table. Its foreign keys refer to rows of the same tenant. */
  row(table: string, overrides?: Record<string, unknown>): Promise<Row>;
  /** The id of the first row of a table, which is inserted when there is none. */
  anyId(table: string): Promise<string>;
  /** The id of the first row of a table. Throws when there is none yet. */
  idOf(table: string): string;
  /** Inserts a row into each empty table that the application may insert into. */
  fillTables(): Promise<void>;
}

export interface Owner {
  tenantId: string;
  userId: string;
  membershipId: string;
}

interface TableInfo {
  table: Table;
  insertable: boolean;
  /** Those with the most columns first: they determine the columns that they share with others. */
  references: { columns: string[]; target: string; targetColumns: string[] }[];
  checks: { name: string; definition: string }[];
}

interface Catalog {
  tables: Map<string, TableInfo>;
  /** The first label of an enum, by its name. */
  enums: Map<string, string>;
}

const catalogs = new WeakMap<Database, Promise<Catalog>>();

async function readCatalog(database: Database): Promise<Catalog> {
  const query = async <Row extends object>(text: string, values: unknown[] = []) =>
    (await runWithContext({}, () => database.query({ text, values }))).rows as Row[];
  const references = await readReferences(query);
  const checks = await query<{ table: string; name: string; definition: string }>(
    `SELECT conrelid::regclass::text AS table, conname::text AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace`,
  );
  const insertable = await query<{ name: string }>(
    `SELECT relname::text AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND has_table_privilege('agentbase_app', oid, 'INSERT')`,
  );
  const enums = await query<{ name: string; label: string }>(
    'SELECT DISTINCT ON (enumtypid) enumtypid::regtype::text AS name, enumlabel::text AS label FROM pg_enum ORDER BY enumtypid, enumsortorder',
  );
  const infos = (await readTables(query)).map((table) => ({
    table,
    insertable: insertable.some(({ name }) => name === table.name),
    references: references
      .filter((reference) => reference.table === table.name)
      .toSorted((one, other) => other.columns.length - one.columns.length),
    checks: checks.filter((check) => check.table === table.name),
  }));
  return {
    tables: new Map(infos.map((info) => [info.table.name, info])),
    enums: new Map(enums.map(({ name, label }) => [name, label])),
  };
}

function catalogOf(database: Database): Promise<Catalog> {
  let catalog = catalogs.get(database);
  if (!catalog) {
    catalog = readCatalog(database);
    catalogs.set(database, catalog);
  }
  return catalog;
}

/** The rows of one tenant, inserted by its owner. */
export function rowsOf(database: Database, owner: Owner): Rows {
  const { tenantId, userId } = owner;
  const first = new Map<string, Promise<Row>>();
  const ids = new Map([
    ['tenants', tenantId],
    ['users', userId],
    ['memberships', owner.membershipId],
  ]);
  for (const [table, id] of ids) first.set(table, Promise.resolve({ id }));
  const counts = new Map<string, number>();

  async function infoOf(name: string): Promise<TableInfo> {
    const info = (await catalogOf(database)).tables.get(name);
    if (!info) throw new Error(`There is no table ${name}.`);
    return info;
  }

  function any(table: string): Promise<Row> {
    let row = first.get(table);
    if (!row) {
      row = insert(table, {});
      first.set(table, row);
    }
    return row;
  }

  /** Sets the columns of foreign keys, except nullable ones that refer to no user. */
  async function addReferences(info: TableInfo, values: Record<string, unknown>): Promise<void> {
    for (const { columns, target, targetColumns } of info.references) {
      const missing = columns.filter((name) => !(name in values));
      const isNeeded = missing.some((name) => info.table.columns.find((column) => column.name === name)?.notNull);
      if (missing.length === 0 || !(isNeeded || target === 'users')) continue;
      const row = await any(target);
      columns.forEach((name, index) => {
        values[name] ??= row[targetColumns[index] ?? 'id'];
      });
    }
  }

  async function complete(info: TableInfo, overrides: Record<string, unknown>): Promise<Row> {
    const { enums } = await catalogOf(database);
    const { columns, name } = info.table;
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    const options: ValueOptions = { tenantId, number, anyId };
    const values: Row = { id: newId() };
    if (columns.some((column) => column.name === 'tenant_id')) values.tenant_id = tenantId;
    for (const [column, value] of Object.entries(columnValues[name] ?? {})) {
      // A column of a newer migration than the database has is left out.
      if (column in overrides || !columns.some((candidate) => candidate.name === column)) continue;
      values[column] = typeof value === 'function' ? await value(options) : value;
    }
    Object.assign(values, overrides);
    await addReferences(info, values);
    for (const column of columns) {
      if (column.name in values || !column.notNull || column.hasDefault) continue;
      const value = generateValue(column, { table: name, number, checks: info.checks, enumLabel: enums.get(column.type) });
      // A trigger sets the column, or the database reports it in its error.
      if (value !== undefined) values[column.name] = value;
    }
    return values;
  }

  async function insert(name: string, overrides: Record<string, unknown>): Promise<Row> {
    const info = await infoOf(name);
    const values = await complete(info, overrides);
    const columns = Object.keys(values).map(pg.escapeIdentifier).join(', ');
    const table = pg.escapeIdentifier(name);
    const text = `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM jsonb_populate_record(NULL::${table}, $1::jsonb)`;
    try {
      await database.transactionAs({ tenantId, userId }, () => database.query({ text, values: [JSON.stringify(values)] }));
    } catch (error) {
      throw explain(error, info, values);
    }
    if (!ids.has(name)) ids.set(name, values.id);
    return values;
  }

  async function anyId(table: string): Promise<string> {
    return (await any(table)).id;
  }

  return {
    anyId,
    row(table, overrides = {}) {
      const row = insert(table, overrides);
      if (!first.has(table)) first.set(table, row);
      return row;
    },
    idOf(table) {
      const id = ids.get(table);
      if (!id) throw new Error(`The tenant has no row of ${table} yet: pass rows: ['${table}'] to createTenant, or await anyId.`);
      return id;
    },
    async fillTables() {
      const { tables } = await catalogOf(database);
      for (const { table, insertable } of tables.values()) {
        const isOwned = table.columns.some(({ name }) => name === 'tenant_id' || name === 'user_id');
        if (insertable && isOwned) await any(table.name);
      }
    },
  };
}

/** Adds instructions to the error of a rejected row. */
function explain(error: unknown, { table, checks }: TableInfo, values: Row): Error {
  const cause = (error as { cause?: unknown }).cause ?? error;
  const { constraint, column, message } = cause as { constraint?: string; column?: string; message?: string };
  const check = checks.find(({ name }) => name === constraint);
  const reason = check
    ? `${check.name} ${check.definition}`
    : `${message ?? 'it was refused'}${constraint ? ` (${constraint})` : ''}${column ? ` (${column})` : ''}`;
  return new Error(
    `The row factory built a row that ${table.name} refuses: ${reason}. Add a value for the column to columnValues.${table.name} in ` +
      `test/testkit/row-values.ts, or pass an override. The row: ${JSON.stringify(values)}`,
    { cause: error },
  );
}
