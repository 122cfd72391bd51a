import type pg from 'pg';
import { DomainError, UnavailableError } from '../lib/errors.ts';
import { currentScope, type DbContext, runInTransactionScope, runWithContext } from './context.ts';
import {
  beginSql,
  ONE_STATEMENT_CONTEXT_SQL,
  oneStatementContextValues,
  type Timeouts,
  WRITE_CONTEXT_SQL,
  writeContextValues,
} from './context-statement.ts';
import { isConnectionError, toDomainError } from './errors.ts';
import { type ContextStatement, Flush } from './flush.ts';
import { type Queryable, Transaction } from './transaction.ts';

const READ_CONTEXT = 'agentbase_context';
const WRITE_CONTEXT = 'agentbase_write_context';

/** How many statements share a round trip; what is beyond runs beside them. */
const MAX_TOGETHER = 4;

interface WaitingRead {
  query: pg.QueryConfig;
  resolve: (result: pg.QueryResult) => void;
  reject: (error: unknown) => void;
}

export interface DatabaseOptions {
  /** The connections. They log in as any role that may become the application role. */
  pool: pg.Pool;
  timeouts: Timeouts;
  /** Off behind a pooler that gives statements of one client to different connections. */
  preparedStatements: boolean;
  /** How many may wait for a connection before the next is turned away. */
  maxWaiting: number;
}

/**
 * The one door to PostgreSQL. Whoever acts is read from the running scope, so no caller passes a tenant and none can forget
 * it: a statement outside a transaction goes out with its context in one round trip and is read-only; inside one it joins it.
 */
export class Database implements Queryable {
  readonly pool: pg.Pool;
  readonly timeouts: Timeouts;
  readonly preparedStatements: boolean;
  readonly #maxWaiting: number;
  /** The contexts a connection has prepared. */
  readonly #prepared = new WeakMap<pg.PoolClient, Set<string>>();
  readonly #waiting = new Map<DbContext, WaitingRead[]>();
  /** Sees the text of every statement and is awaited by nobody: metrics, and tests that pin statement counts. */
  onStatement: (text: string) => void = () => {};

  constructor(options: DatabaseOptions) {
    this.pool = options.pool;
    this.timeouts = options.timeouts;
    this.preparedStatements = options.preparedStatements;
    this.#maxWaiting = options.maxWaiting;
    // A lost connection fails the statement that runs on it, or is replaced at the next checkout where none does; an error
    // event that nobody hears would end the process.
    this.pool.on('error', () => {});
    this.pool.on('connect', (client) => client.on('error', () => {}));
  }

  /**
   * Runs one statement as whoever acts. Outside a transaction it cannot write, and goes out together with what the same work asks for
   * before it waits for anything.
   */
  async query(config: pg.QueryConfig | string): Promise<pg.QueryResult> {
    const scope = currentScope();
    const query = typeof config === 'string' ? { text: config } : config;
    if (scope.transaction) return scope.transaction.query(query);
    this.onStatement(query.text);
    return new Promise((resolve, reject) => this.#together(scope.context, { query, resolve, reject }));
  }

  /**
   * Runs statements that write as whoever acts, one after another: a transaction of their own in one round trip, or part of the one that is
   * running. All of them are done when it resolves, or none. For what is written many times a second, where no statement needs the result
   * of another.
   */
  async write(...configs: pg.QueryConfig[]): Promise<pg.QueryResult[]> {
    const { transaction, context } = currentScope();
    if (transaction) return Promise.all(configs.map((config) => transaction.query(config)));
    for (const { text } of configs) this.onStatement(text);
    const values = writeContextValues(context, this.timeouts);
    const { error, results } = await this.#flush({ name: WRITE_CONTEXT, text: WRITE_CONTEXT_SQL, values }, configs);
    if (error) throw error;
    return results;
  }

  #together(context: DbContext, read: WaitingRead): void {
    const waiting = this.#waiting.get(context);
    if (waiting) {
      waiting.push(read);
      return;
    }
    const reads = [read];
    this.#waiting.set(context, reads);
    // Once nothing of this turn is left to run: by then, the loaders have asked as well.
    process.nextTick(() => {
      this.#waiting.delete(context);
      for (let start = 0; start < reads.length; start += MAX_TOGETHER) {
        void this.#read(context, reads.slice(start, start + MAX_TOGETHER));
      }
    });
  }

  async #read(context: DbContext, reads: readonly WaitingRead[]): Promise<void> {
    const queries = reads.map(({ query }) => query);
    const values = oneStatementContextValues(context, this.timeouts, true);
    const { error, results } = await this.#flush({ name: READ_CONTEXT, text: ONE_STATEMENT_CONTEXT_SQL, values }, queries);
    results.forEach((result, index) => {
      reads[index]?.resolve(result);
    });
    if (!error) return;
    const [wrong, ...others] = reads.slice(results.length);
    wrong?.reject(error);
    if (others.length === 0) return;
    // They were not looked at, and have nothing to do with the one that is wrong.
    if (isConnectionError(error) || error instanceof UnavailableError) for (const { reject } of others) reject(error);
    else await this.#read(context, others);
  }

  async #flush(
    { name, text, values }: ContextStatement,
    statements: readonly pg.QueryConfig[],
  ): Promise<{ error: Error | null; results: pg.QueryResult[] }> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#checkout();
      const context: ContextStatement = { name: this.preparedStatements ? name : '', text, values };
      if (this.preparedStatements && !this.#prepared.get(client)?.has(name)) {
        await client.query({ name, text, values });
        this.#prepared.set(client, (this.#prepared.get(client) ?? new Set()).add(name));
      }
      const flushing = client;
      const done = await new Promise<{ error: Error | null; results: pg.QueryResult[] }>((resolve) => {
        flushing.query(new Flush(context, statements, (error, results) => resolve({ error, results })));
      });
      client.release(done.error ? isConnectionError(done.error) : false);
      return done;
    } catch (error) {
      client?.release(isConnectionError(error));
      return { error: error as Error, results: [] };
    }
  }

  /**
   * Runs `work` in one explicit transaction: every statement of this database inside it joins. Commits when `work` resolves;
   * a thrown error rolls everything back, audit and events with it, unless it is a DomainError that says to commit.
   */
  async transaction<T>(work: () => Promise<T>, change: DbContext = {}): Promise<T> {
    const scope = currentScope();
    if (scope.transaction) return work();
    const context = { ...scope.context, ...change };
    const client = await this.#checkout();
    const transaction = new Transaction(client, (text) => this.onStatement(text));
    let committed = () => {};
    let result: T | undefined;
    let failure: { error: unknown } | undefined;
    try {
      this.onStatement('BEGIN');
      await client.query(beginSql(context, this.timeouts));
      try {
        // Awaited inside: Prisma's promises begin when they are awaited, and would begin outside of the transaction.
        result = await runInTransactionScope(context, transaction, async () => await work());
      } catch (error) {
        failure = { error };
      }
      const announce = await transaction.close();
      const commit = !failure || (failure.error instanceof DomainError && failure.error.commit);
      this.onStatement(commit ? 'COMMIT' : 'ROLLBACK');
      const { command } = await client.query(commit ? 'COMMIT' : 'ROLLBACK');
      // A transaction that a swallowed error has doomed answers COMMIT with ROLLBACK: nothing must look saved then.
      if (commit && command !== 'COMMIT') throw new Error('the transaction was rolled back because a statement in it failed');
      if (commit) committed = announce;
      client.release();
    } catch (error) {
      client.release(true);
      throw toDomainError(error);
    }
    committed();
    if (failure) throw toDomainError(failure.error);
    return result as T;
  }

  /** Runs `work` as `context`, whoever acts outside, in a transaction of its own. */
  transactionAs<T>(context: DbContext, work: () => Promise<T>): Promise<T> {
    return runWithContext(context, () => this.transaction(work));
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  async #checkout(): Promise<pg.PoolClient> {
    if (this.pool.waitingCount >= this.#maxWaiting) {
      throw new UnavailableError('The database is busy. Try again in a moment.');
    }
    try {
      return await this.pool.connect();
    } catch (cause) {
      throw new UnavailableError('The database cannot be reached. Try again in a moment.', { cause });
    }
  }
}
