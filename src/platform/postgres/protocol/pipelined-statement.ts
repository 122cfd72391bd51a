import pg from 'pg';
import { serialize } from 'pg-protocol';
import { type ProtocolConnection, prepareValue } from './pg-internals.ts';
import { type PreparedStatement, preparedStatementsOf } from './prepared-statements.ts';
import { type Column, type RawRow, textRowDecoder } from './row-decoder.ts';

/** A statement whose rows are wanted as objects with camelCase keys, where whoever reads them can make these at once. */
export interface RowsConfig extends pg.QueryConfig {
  rowMode: 'array';
  asObjects: true;
}

/** How a row is made of the text of its values. */
function makerOf(
  { types = pg.types, rowMode, asObjects }: Partial<RowsConfig>,
  columns: readonly Column[],
): (row: RawRow) => unknown {
  if (asObjects) return textRowDecoder(columns);
  const parse = columns.map(({ dataTypeID }) => types.getTypeParser(dataTypeID, 'text') as (text: string) => unknown);
  const values = (row: RawRow) => row.map((text, place) => (text === null ? null : parse[place]?.(text)));
  if (rowMode === 'array') return values;
  return (row) => Object.fromEntries(values(row).map((value, place) => [columns[place]?.name, value]));
}

/** One statement of a flush, and what becomes of it. */
export class PipelinedStatement {
  readonly text: string;
  /** Prepared under it; empty for one that is parsed each time. */
  readonly name: string;
  readonly #config: pg.QueryConfig;
  readonly #values: unknown[];
  readonly #rows: unknown[] = [];
  #prepared: PreparedStatement | undefined;
  #columns: readonly Column[] = [];
  #make: ((row: RawRow) => unknown) | undefined;
  #done = '';
  /** Why a row of it cannot be read. */
  decodeError: Error | undefined;

  /** Throws for a value that cannot be sent. */
  constructor(config: pg.QueryConfig) {
    this.text = config.text;
    this.name = config.name ?? '';
    this.#config = config;
    this.#values = (config.values ?? []).map((value) => prepareValue(value));
  }

  /** What is sent for it on a connection. */
  messages(connection: ProtocolConnection): Buffer[] {
    const { name, text } = this;
    const messages: Buffer[] = [];
    // First, as it is what may throw: a statement that never went out must not look as if it had.
    const bind = serialize.bind({ statement: name, values: this.#values });
    const known = name ? (connection.parsedStatements[name] ?? connection.submittedNamedStatements[name]) : undefined;
    if (known === undefined) {
      messages.push(serialize.parse({ name, text }));
      if (name) connection.submittedNamedStatements[name] = text;
    }
    messages.push(bind);
    this.#prepared = name ? preparedStatementsOf(connection).use(name) : undefined;
    const columns = this.#prepared?.columns;
    if (columns) this.#columns = columns;
    else messages.push(serialize.describe({ type: 'P' }));
    messages.push(serialize.execute());
    return messages;
  }

  /** It has the columns that were asked for. */
  describe(columns: readonly Column[]): void {
    this.#columns = columns;
    if (this.#prepared) this.#prepared.columns = columns;
  }

  add(row: RawRow): void {
    if (this.decodeError) return;
    try {
      this.#make ??= makerOf(this.#config, this.#columns);
      this.#rows.push(this.#make(row));
    } catch (error) {
      this.decodeError = error as Error;
    }
  }

  /** @param command what PostgreSQL says at the end, such as `INSERT 0 1` */
  complete(command: string): void {
    this.#done = command;
  }

  get result(): pg.QueryResult {
    const [command = '', ...numbers] = this.#done.split(' ');
    const rowCount = numbers.length > 0 ? Number(numbers.at(-1)) : null;
    return { command, rowCount, oid: 0, rows: this.#rows, fields: this.#columns as pg.FieldDef[] };
  }
}
