import type { Probe } from '../testkit/roles.ts';
import { sharedTables } from './expectations.ts';

export type Query = Probe['query'];

/** A check of the catalog. Returns a message for each violation. */
export type Check = (query: Query) => Promise<string[]>;

export interface Column {
  name: string;
  type: string;
  notNull: boolean;
  hasDefault: boolean;
  comment: string | null;
}

export interface Table {
  name: string;
  partitioned: boolean;
  rowSecurity: boolean;
  forced: boolean;
  comment: string | null;
  columns: Column[];
}

/** The tables of the schema public without `_prisma_migrations`, by name. */
export async function readTables(query: Query): Promise<Table[]> {
  return query<Table>(`
    SELECT c.relname::text AS name, c.relkind = 'p' AS partitioned, c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS forced,
      obj_description(c.oid, 'pg_class') AS comment,
      (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
          'hasDefault', a.atthasdef, 'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'
    ORDER BY c.relname`);
}

/** Whether every row of the table belongs to a tenant. */
export function isTenantTable(table: Table): boolean {
  return table.columns.some(({ name }) => name === 'tenant_id') && !sharedTables.has(table.name);
}

export interface Reference {
  name: string;
  table: string;
  columns: string[];
  target: string;
  targetColumns: string[];
  onDelete: 'CASCADE' | 'SET NULL' | 'NO ACTION' | 'OTHER';
  /** The columns of ON DELETE SET NULL (columns). */
  setNull: string[] | null;
}

/** The foreign keys in the schema public. */
export async function readReferences(query: Query): Promise<Reference[]> {
  const names = (relation: string, numbers: string) =>
    `(SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(${numbers}) WITH ORDINALITY k(number, position)
      JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`;
  return query<Reference>(`
    SELECT f.conname::text AS name, s.relname::text AS table, ${names('f.conrelid', 'f.conkey')} AS columns, t.relname::text AS target,
      ${names('f.confrelid', 'f.confkey')} AS "targetColumns", ${names('f.conrelid', 'f.confdelsetcols')} AS "setNull",
      CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'a' THEN 'NO ACTION' ELSE 'OTHER' END AS "onDelete"
    FROM pg_constraint f JOIN pg_class s ON s.oid = f.conrelid JOIN pg_class t ON t.oid = f.confrelid
    WHERE f.contype = 'f' AND f.conparentid = 0 AND s.relnamespace = 'public'::regnamespace
    ORDER BY s.relname, f.conname`);
}

export interface Index {
  table: string;
  name: string;
  columns: string[];
  primary: boolean;
  unique: boolean;
  partial: boolean;
}

/** The valid indexes in the schema public. An expression counts as a column without a name. */
export async function readIndexes(query: Query): Promise<Index[]> {
  return query<Index>(`
    SELECT t.relname::text AS table, c.relname::text AS name, i.indisprimary AS primary, i.indisunique AS unique, i.indpred IS NOT NULL AS partial,
      (SELECT json_agg(coalesce(a.attname, '') ORDER BY k.position) FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(number, position)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number > 0
        WHERE k.position <= i.indnkeyatts) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = 'public'::regnamespace AND i.indisvalid AND t.relname <> '_prisma_migrations'
    ORDER BY 1, 2`);
}

/** Runs a query that returns violations and describes each row. */
export async function problemsOf<Row extends object>(
  query: Query,
  sql: string,
  describe: (row: Row) => string,
): Promise<string[]> {
  return (await query<Row>(sql)).map(describe);
}
