import pg from 'pg';
import { prepareValue } from 'pg/lib/utils.js';

/** What is used of pg's connection. */
interface ProtocolConnection {
  /** Text of statements by name: those that were parsed, and those that were sent to be. */
  parsedStatements: Record<string, string>;
  submittedNamedStatements: Record<string, string>;
  parse(query: { name: string; text: string; types?: unknown }): void;
  bind(config: { portal: string; statement: string; values: unknown[] }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(config: { portal: string; rows: number }): void;
  sync(): void;
}

/** The protocol side of pg's Query, which its types leave out. */
interface QueryProtocol {
  name: string | undefined;
  text: string;
  values: unknown[] | undefined;
  types: unknown;
  _results: pg.QueryResult;
  hasBeenParsed(connection: ProtocolConnection): boolean;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: ProtocolConnection): void;
  handleEmptyQuery(connection: ProtocolConnection): void;
  _canceledDueToError: Error | false;
}

export interface ContextStatement {
  /** The name it was prepared under on this connection, or '' to parse it each time. */
  name: string;
  text: string;
  values: string[];
}

/** What columns the prepared statements of a connection give, which do not change as long as it lives. */
const described = new WeakMap<ProtocolConnection, Map<string, unknown>>();

/**
 * @param error the first, if there was one
 * @param results of the statements before it, or of all; undefined where pg gave up waiting, and tells nothing but that
 */
export type FlushCallback = (error: Error | null, results?: pg.QueryResult[]) => void;

/**
 * Statements that carry their context. All of them go out under one Sync, which makes them one implicit transaction: what the context sets
 * locally holds for exactly these statements, in one round trip and without BEGIN or COMMIT. The first error undoes all of them.
 */
export class Flush extends pg.Query {
  readonly #context: ContextStatement;
  readonly #statements: QueryProtocol[];
  /** What is known of the columns of each statement, and is not asked for again. */
  #columns: unknown[] = [];
  /** The statement whose answer comes next; -1 is the context. */
  #current = -1;
  #connection: ProtocolConnection | undefined;

  constructor(context: ContextStatement, statements: readonly pg.QueryConfig[], callback: FlushCallback) {
    // The simple protocol would end the implicit transaction after each of them.
    super({ text: context.text, queryMode: 'extended' } as pg.QueryConfig, callback as never);
    this.#context = context;
    this.#statements = statements.map((config) => {
      // A value that cannot be sent has to be found before anything of the flush is.
      const values = config.values?.map(prepareValue);
      return new pg.Query({ ...config, ...(values ? { values } : {}) }) as unknown as QueryProtocol;
    });
  }

  prepare(connection: ProtocolConnection): void {
    const { name, text, values } = this.#context;
    if (name === '') connection.parse({ name, text });
    connection.bind({ portal: '', statement: name, values });
    connection.execute({ portal: '', rows: 0 });
    this.#connection = connection;
    this.#columns = this.#statements.map((statement) => send(statement, connection));
    connection.sync();
  }

  // pg writes down under these what it has seen parsed.
  get name(): string | undefined {
    return this.#statements[this.#current]?.name;
  }
  set name(_name: string | undefined) {}

  get text(): string {
    return this.#statements[this.#current]?.text ?? this.#context.text;
  }
  set text(_text: string) {}

  handleRowDescription(message: unknown): void {
    const statement = this.#statements[this.#current];
    statement?.handleRowDescription(message);
    if (!statement?.name || !this.#connection) return;
    const known = described.get(this.#connection) ?? new Map<string, unknown>();
    described.set(this.#connection, known.set(statement.name, message));
  }

  handleDataRow(message: unknown): void {
    // No Describe was sent for the context, so its one row must not reach a result.
    this.#statements[this.#current]?.handleDataRow(message);
  }

  handleCommandComplete(message: unknown, connection: ProtocolConnection): void {
    this.#statements[this.#current]?.handleCommandComplete(message, connection);
    this.#next();
  }

  handleEmptyQuery(connection: ProtocolConnection): void {
    this.#statements[this.#current]?.handleEmptyQuery(connection);
    this.#next();
  }

  #next(): void {
    this.#current++;
    const columns = this.#columns[this.#current];
    if (columns !== undefined) this.#statements[this.#current]?.handleRowDescription(columns);
  }

  handleError(error: Error, connection: ProtocolConnection): void {
    // What was sent behind the one that failed was never looked at.
    for (const { name } of this.#statements) {
      if (name && connection.parsedStatements[name] === undefined) delete connection.submittedNamedStatements[name];
    }
    this.#tell(error, this.#current);
  }

  handleReadyForQuery(connection: ProtocolConnection): void {
    const unreadable = this.#statements.findIndex((statement) => statement._canceledDueToError);
    if (unreadable === -1) this.#tell(null, this.#statements.length);
    else {
      this.#current = unreadable;
      this.handleError(this.#statements[unreadable]?._canceledDueToError as Error, connection);
    }
  }

  #tell(error: Error | null, done: number): void {
    const { callback } = this as unknown as { callback: FlushCallback };
    callback(
      error,
      this.#statements.slice(0, Math.max(done, 0)).map(({ _results }) => _results),
    );
  }
}

/** @returns its columns, where they are known */
function send(statement: QueryProtocol, connection: ProtocolConnection): unknown {
  const { name = '', text, types, values = [] } = statement;
  if (!statement.hasBeenParsed(connection)) {
    connection.parse({ name, text, types });
    if (name) connection.submittedNamedStatements[name] = text;
  }
  connection.bind({ portal: '', statement: name, values });
  const columns = name ? described.get(connection)?.get(name) : undefined;
  if (columns === undefined) connection.describe({ type: 'P', name: '' });
  connection.execute({ portal: '', rows: 0 });
  return columns;
}
