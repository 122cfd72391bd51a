import pg from 'pg';

/** What is used of pg's connection. */
interface ProtocolConnection {
  parse(query: { name: string; text: string; types?: unknown }): void;
  bind(config: { portal: string; statement: string; values: string[] }): void;
  execute(config: { portal: string; rows: number }): void;
}

/** The protocol side of pg's Query, which its types leave out. */
interface QueryProtocol {
  prepare(connection: ProtocolConnection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: unknown): void;
}

const parent: QueryProtocol = pg.Query.prototype as unknown as QueryProtocol;

export interface ContextStatement {
  /** The name it was prepared under on this connection, or '' to parse it each time. */
  name: string;
  text: string;
  values: string[];
}

/**
 * A query that carries its context. Both statements go out under one Sync, which makes them one implicit transaction: what
 * the context sets locally holds for exactly this query, in one round trip and without BEGIN or COMMIT.
 */
export class ContextualQuery extends pg.Query {
  readonly #context: ContextStatement;
  #contextDone = false;

  constructor(
    config: pg.QueryConfig,
    context: ContextStatement,
    callback: (error: Error | null, result: pg.QueryResult) => void,
  ) {
    // The simple protocol would end the implicit transaction between the two.
    super({ ...config, queryMode: 'extended' } as pg.QueryConfig, callback as never);
    this.#context = context;
  }

  prepare(connection: ProtocolConnection): void {
    const { name, text, values } = this.#context;
    if (name === '') connection.parse({ name, text });
    connection.bind({ portal: '', statement: name, values });
    connection.execute({ portal: '', rows: 0 });
    parent.prepare.call(this, connection);
  }

  handleDataRow(message: unknown): void {
    // No Describe was sent for the context, so its one row must not reach the result.
    if (this.#contextDone) parent.handleDataRow.call(this, message);
  }

  handleCommandComplete(message: unknown, connection: unknown): void {
    if (this.#contextDone) parent.handleCommandComplete.call(this, message, connection);
    else this.#contextDone = true;
  }
}
