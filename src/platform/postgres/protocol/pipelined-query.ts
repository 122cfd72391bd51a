import type pg from 'pg';
import { serialize } from 'pg-protocol';
import type { ProtocolConnection } from './pg-internals.ts';
import { PipelinedStatement } from './pipelined-statement.ts';
import type { Column, RawRow } from './row-decoder.ts';

/** The first error, and the results of the statements before it. */
export interface PipelineResult {
  error: Error | null;
  results: pg.QueryResult[];
}

export interface ContextStatement {
  /** The name of the prepared statement on this connection, or '' to parse it each time. */
  name: string;
  text: string;
  values: string[];
}

/**
 * @param error the first error, or null
 * @param results the results of the statements before the error, or of all; undefined if pg timed out
 */
export type PipelineCallback = (error: Error | null, results?: pg.QueryResult[]) => void;

/**
 * Statements with their context under one Sync message, which makes them one implicit transaction: the local settings of the context apply
 * to exactly these statements, in one round trip without BEGIN or COMMIT. The first error rolls back all of them.
 *
 * Implements the `Submittable` of pg: `client.query` passes it the connection and every message of the response.
 */
export class PipelinedQuery implements pg.Submittable {
  /** Public: pg wraps it to add a timeout. */
  callback: PipelineCallback;
  readonly #context: ContextStatement;
  readonly #statements: PipelinedStatement[];
  /** The index of the statement whose response comes next; -1 is the context. */
  #current = -1;

  constructor(context: ContextStatement, statements: readonly pg.QueryConfig[], callback: PipelineCallback) {
    this.callback = callback;
    this.#context = context;
    // Throws for a parameter that cannot be serialised before anything is sent.
    this.#statements = statements.map((config) => new PipelinedStatement(config));
  }

  submit(given: pg.Connection): void {
    const connection = given as unknown as ProtocolConnection;
    const { name, text, values } = this.#context;
    const messages: Buffer[] = [];
    if (name === '') messages.push(serialize.parse({ name, text }));
    messages.push(serialize.bind({ statement: name, values }), serialize.execute());
    for (const statement of this.#statements) messages.push(...statement.messages(connection));
    messages.push(serialize.sync());
    // One write: corking the stream and writing each message costs more than the rest of this method.
    connection.stream.write(Buffer.concat(messages));
  }

  // pg records a parsed statement under this name and text.
  get name(): string {
    return this.#statements[this.#current]?.name ?? '';
  }

  get text(): string {
    return this.#statements[this.#current]?.text ?? this.#context.text;
  }

  handleRowDescription({ fields }: { fields: Column[] }): void {
    this.#statements[this.#current]?.describe(fields);
  }

  handleDataRow({ fields }: { fields: RawRow }): void {
    this.#statements[this.#current]?.add(fields);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#statements[this.#current]?.complete(text);
    this.#current++;
  }

  handleEmptyQuery(): void {
    this.#current++;
  }

  handleCopyInResponse(connection: ProtocolConnection): void {
    connection.sendCopyFail('COPY is not supported');
  }

  handleCopyData(): void {}

  handleError(error: Error, connection: ProtocolConnection): void {
    // The server skipped the statements after the failed one, so they were not parsed.
    for (const { name } of this.#statements) {
      if (name && connection.parsedStatements[name] === undefined) delete connection.submittedNamedStatements[name];
    }
    this.#report(error, this.#current);
  }

  handleReadyForQuery(): void {
    const failed = this.#statements.findIndex((statement) => statement.decodeError);
    this.#report(this.#statements[failed]?.decodeError ?? null, failed === -1 ? this.#statements.length : failed);
  }

  #report(error: Error | null, done: number): void {
    this.callback(
      error,
      this.#statements.slice(0, Math.max(done, 0)).map(({ result }) => result),
    );
  }
}
