import type pg from 'pg';
import { serialize } from 'pg-protocol';
import type { ProtocolConnection } from './pg-internals.ts';
import { PipelinedStatement } from './pipelined-statement.ts';
import type { Column, RawRow } from './row-decoder.ts';

/** The first error, if there was one, and the results of the statements before it. */
export interface FlushResult {
  error: Error | null;
  results: pg.QueryResult[];
}

export interface ContextStatement {
  /** The name it was prepared under on this connection, or '' to parse it each time. */
  name: string;
  text: string;
  values: string[];
}

/**
 * @param error the first, if there was one
 * @param results of the statements before it, or of all; undefined where pg gave up waiting, and tells nothing but that
 */
export type PipelineCallback = (error: Error | null, results?: pg.QueryResult[]) => void;

/**
 * Statements that carry their context. All of them go out under one Sync, which makes them one implicit transaction: what the context sets
 * locally holds for exactly these statements, in one round trip and without BEGIN or COMMIT. The first error undoes all of them.
 *
 * It is what pg calls a submittable: `client.query` hands the connection over, and every message that comes back.
 */
export class PipelinedQuery implements pg.Submittable {
  /** pg puts a timer around it. */
  callback: PipelineCallback;
  readonly #context: ContextStatement;
  readonly #statements: PipelinedStatement[];
  /** The statement whose answer comes next; -1 is the context. */
  #current = -1;

  constructor(context: ContextStatement, statements: readonly pg.QueryConfig[], callback: PipelineCallback) {
    this.callback = callback;
    this.#context = context;
    // A value that cannot be sent has to be found before anything of the flush is.
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
    // One write: a stream that is given them one by one, and told to wait, takes longer for it than for all else.
    connection.stream.write(Buffer.concat(messages));
  }

  // pg writes down under these what it has seen parsed.
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
    connection.sendCopyFail('nothing is copied here');
  }

  handleCopyData(): void {}

  handleError(error: Error, connection: ProtocolConnection): void {
    // What was sent behind the one that failed was never looked at.
    for (const { name } of this.#statements) {
      if (name && connection.parsedStatements[name] === undefined) delete connection.submittedNamedStatements[name];
    }
    this.#report(error, this.#current);
  }

  handleReadyForQuery(): void {
    const unreadable = this.#statements.findIndex((statement) => statement.decodeError);
    this.#report(this.#statements[unreadable]?.decodeError ?? null, unreadable === -1 ? this.#statements.length : unreadable);
  }

  #report(error: Error | null, done: number): void {
    this.callback(
      error,
      this.#statements.slice(0, Math.max(done, 0)).map(({ result }) => result),
    );
  }
}
