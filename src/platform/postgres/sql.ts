import pg from 'pg';
import type { Database } from './database.ts';
import type { RowsConfig } from './protocol/pipelined-statement.ts';
import { StatementNames } from './protocol/prepared-statements.ts';
import { typeParsers, valueRowDecoder } from './protocol/row-decoder.ts';
import type { Queryable } from './transaction.ts';

/** An SQL fragment and its parameters. Parameters are never spliced into the text. */
export interface Sql {
  readonly parts: readonly string[];
  readonly values: readonly unknown[];
}

function isSql(value: unknown): value is Sql {
  return typeof value === 'object' && value !== null && 'parts' in value && 'values' in value;
}

/** Builds SQL from a template. Splices interpolated fragments; every other value becomes a parameter. */
export function sql(strings: TemplateStringsArray, ...inputs: unknown[]): Sql {
  const parts: string[] = [strings[0] ?? ''];
  const values: unknown[] = [];
  const append = (text: string) => {
    parts[parts.length - 1] += text;
  };
  inputs.forEach((input, index) => {
    if (isSql(input)) {
      append(input.parts[0] ?? '');
      input.values.forEach((value, position) => {
        values.push(value);
        parts.push(input.parts[position + 1] ?? '');
      });
    } else {
      values.push(input);
      parts.push('');
    }
    append(strings[index + 1] ?? '');
  });
  return { parts, values };
}

/** Unescaped SQL text. Never pass input of a client. */
export function raw(text: string): Sql {
  return { parts: [text], values: [] };
}

export function identifier(name: string): Sql {
  return raw(pg.escapeIdentifier(name));
}

export function join(fragments: readonly Sql[], separator: string): Sql {
  return fragments.reduce((all, fragment, index) => (index === 0 ? fragment : sql`${all}${raw(separator)}${fragment}`), raw(''));
}

/** Whether one of the texts contains `search`, ignoring case. */
export function containsText(texts: readonly Sql[], search: string): Sql {
  const conditions = texts.map((text) => sql`strpos(lower(${text}), lower(${search}::text)) > 0`);
  return sql`(${join(conditions, ' OR ')})`;
}

const statementNames = new StatementNames('sql');

export function toText(query: Sql): string {
  return query.parts.reduce((text, part, index) => (index === 0 ? part : `${text}$${index}${part}`), '');
}

type Preparing = { preparedStatements: boolean };

function configOf({ preparedStatements }: Preparing, query: Sql): RowsConfig {
  const text = toText(query);
  return {
    text,
    values: [...query.values],
    rowMode: 'array',
    asObjects: true,
    types: typeParsers,
    ...(preparedStatements ? { name: statementNames.nameOf(text) } : {}),
  } as RowsConfig;
}

/** The rows of a result as objects with camelCase keys. */
export function decodeRows<T>({ rows, fields }: pg.QueryResult): T[] {
  // In a transaction, pg parses the rows and returns arrays.
  return (Array.isArray(rows[0]) ? rows.map(valueRowDecoder(fields)) : rows) as T[];
}

/** Runs a statement in the current session context. Returns its rows with camelCase keys. */
export async function queryRows<T>(database: Queryable & Preparing, query: Sql): Promise<T[]> {
  return decodeRows(await database.query(configOf(database, query)));
}

/** Runs statements with `Database.batch`, atomically and in one round trip. Returns the rows of each. */
export async function batchQueryRows<Rows extends readonly unknown[]>(
  database: Pick<Database, 'batch'> & Preparing,
  queries: { [Index in keyof Rows]: Sql },
): Promise<{ [Index in keyof Rows]: Rows[Index][] }> {
  const results = await database.batch(queries.map((query) => configOf(database, query)));
  return results.map((result) => decodeRows(result)) as { [Index in keyof Rows]: Rows[Index][] };
}
