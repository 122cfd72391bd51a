import pg from 'pg';
import { serialize } from 'pg-protocol';
import { type ProtocolConnection, prepareValue } from './pg-internals.ts';
import { type PreparedStatement, preparedStatementsOf } from './prepared-statements.ts';
import { type Column, type RawRow, textRowDecoder } from './row-decoder.ts';

/** A query whose rows PipelinedStatement decodes directly to objects with camelCase keys. Plain pg returns arrays. */
export interface RowsConfig extends pg.QueryConfig {
  rowMode: 'array';
  asObjects: true;
}

/** Returns the decoder for the rows of a statement. */
function decoderOf(
  { types = pg.types, rowMode, asObjects }: Partial<RowsConfig>,
  columns: readonly Column[],
): (row: RawRow) => unknown {
  if (asObjects) return textRowDecoder(columns);
  const parse = columns.map(({ dataTypeID }) => types.getTypeParser(dataTypeID, 'text') as (text: string) => unknown);
  const values = (row: RawRow) => row.map((text, index) => (text === null ? null : parse[index]?.(text)));
  if (rowMode === 'array') return values;
  return (row) => Object.fromEntries(values(row).map((value, index) => [columns[index]?.name, value]));
}

/** One statement of a PipelinedQuery, and its result. */
export class PipelinedStatement {
  readonly text: string;
  /** The name of the prepared statement; empty for a statement that is parsed each time. */
  readonly name: string;
  readonly #config: pg.QueryConfig;
  readonly #values: unknown[];
  readonly #rows: unknown[] = [];
  #prepared: PreparedStatement | undefined;
  #columns: readonly Column[] = [];
  #decode: ((row: RawRow) => unknown) | undefined;
  #commandTag = '';
  /** The first error in decoding a row. */
  decodeError: Error | undefined;

  /** Throws for a parameter that cannot be serialised. */
  constructor(config: pg.QueryConfig) {
    this.text = config.text;
    this.name = config.name ?? '';
    this.#config = config;
    this.#values = (config.values ?? []).map((value) => prepareValue(value));
  }

  /** The protocol messages to send on a connection. */
  messages(connection: ProtocolConnection): Buffer[] {
    const { name, text } = this;
    const messages: Buffer[] = [];
    // Serialised first because it may throw: an unsent statement must not be recorded as submitted.
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

  /** Receives the columns that Describe requested. */
  describe(columns: readonly Column[]): void {
    this.#columns = columns;
    if (this.#prepared) this.#prepared.columns = columns;
  }

  add(row: RawRow): void {
    if (this.decodeError) return;
    try {
      this.#decode ??= decoderOf(this.#config, this.#columns);
      this.#rows.push(this.#decode(row));
    } catch (error) {
      this.decodeError = error as Error;
    }
  }

  /** @param command the command tag, such as `INSERT 0 1` */
  complete(command: string): void {
    this.#commandTag = command;
  }

  get result(): pg.QueryResult {
    const [command = '', ...numbers] = this.#commandTag.split(' ');
    const rowCount = numbers.length > 0 ? Number(numbers.at(-1)) : null;
    return { command, rowCount, oid: 0, rows: this.#rows, fields: this.#columns as pg.FieldDef[] };
  }
}
