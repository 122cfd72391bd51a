import type pg from 'pg';
import { DomainError, UnavailableError } from '../lib/errors.ts';
import { isConnectionError, toDomainError } from './errors.ts';
import { connectionOf } from './protocol/pg-internals.ts';
import { type ContextStatement, type FlushResult, PipelinedQuery } from './protocol/pipelined-query.ts';
import { preparedStatementsOf } from './protocol/prepared-statements.ts';
import { runSequentially } from './protocol/sequential-statements.ts';
import { pipeliningProblem } from './protocol/verify-pipelining.ts';
import { currentScope, runInTransactionScope, runWithContext, type SessionContext } from './request-scope.ts';
import {
  batchSettingsSql,
  batchSettingsValues,
  beginSql,
  readSettingsSql,
  readSettingsValues,
  type Timeouts,
} from './session-settings.ts';
import { type Queryable, Transaction } from './transaction.ts';

/** What the statements that say who acts are prepared under. */
type ContextName = typeof READ | typeof BATCH;
const READ = 'agentbase_context';
const BATCH = 'agentbase_batch_context';

/** How many statements share a round trip; what is beyond runs beside them. */
const MAX_PIPELINED = 8;

interface PendingRead {
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
  /** Whether statements go out with their context in one round trip. @default if pg is as the pipelining relies on it */
  pipelining?: boolean;
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
  /** Why statements are not pipelined: each is a round trip then, in an explicit transaction. */
  readonly pipeliningProblem: string | undefined;
  /** Whether statements go out with their context in one round trip. */
  readonly pipelined: boolean;
  readonly #maxWaiting: number;
  readonly #contextSql: Record<ContextName, string>;
  readonly #prepared = new WeakMap<pg.PoolClient, Set<ContextName>>();
  readonly #waiting = new Map<SessionContext, PendingRead[]>();
  /** Sees the text of every statement and is awaited by nobody: metrics, and tests that pin statement counts. */
  onStatement: (text: string) => void = () => {};

  constructor(options: DatabaseOptions) {
    this.pool = options.pool;
    this.timeouts = options.timeouts;
    this.pipeliningProblem = options.pipelining === false ? 'switched off' : pipeliningProblem();
    this.pipelined = this.pipeliningProblem === undefined;
    // Deallocating what a connection holds needs the same internals, and without it prepared statements would have no bound.
    this.preparedStatements = options.preparedStatements && this.pipelined;
    this.#maxWaiting = options.maxWaiting;
    this.#contextSql = {
      [READ]: readSettingsSql(options.timeouts),
      [BATCH]: batchSettingsSql(options.timeouts),
    };
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
    return new Promise((resolve, reject) => this.#enqueueRead(scope.context, { query, resolve, reject }));
  }

  /**
   * Runs statements that may write as whoever acts, one after another: a transaction of their own in one round trip, committed when this
   * resolves. The first error undoes all of them and is thrown as `transaction` throws it. Inside a transaction they join it. For what is
   * written many times a second and needs nothing in between; all else is for `transaction`.
   * @returns the result of each
   */
  async batch(statements: readonly pg.QueryConfig[]): Promise<pg.QueryResult[]> {
    const { transaction, context } = currentScope();
    if (transaction) {
      const results: pg.QueryResult[] = [];
      for (const statement of statements) results.push(await transaction.query(statement));
      return results;
    }
    for (const { text } of statements) this.onStatement(text);
    const { error, results } = await this.#flush(BATCH, context, statements);
    if (error) throw toDomainError(error);
    return results;
  }

  #enqueueRead(context: SessionContext, read: PendingRead): void {
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
      for (let start = 0; start < reads.length; start += MAX_PIPELINED) {
        void this.#read(context, reads.slice(start, start + MAX_PIPELINED));
      }
    });
  }

  async #read(context: SessionContext, reads: readonly PendingRead[]): Promise<void> {
    const queries = reads.map(({ query }) => query);
    const { error, results } = await this.#flush(READ, context, queries);
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

  async #flush(kind: ContextName, context: SessionContext, statements: readonly pg.QueryConfig[]): Promise<FlushResult> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#checkout();
      const result = await (this.pipelined
        ? this.#pipeline(client, kind, context, statements)
        : runSequentially(client, kind === READ ? { ...context, readOnly: true } : context, this.timeouts, statements));
      this.#release(client, result.error);
      return result;
    } catch (error) {
      client?.release(isConnectionError(error));
      return { error: error as Error, results: [] };
    }
  }

  async #pipeline(
    client: pg.PoolClient,
    kind: ContextName,
    context: SessionContext,
    statements: readonly pg.QueryConfig[],
  ): Promise<FlushResult> {
    const values = kind === READ ? readSettingsValues(context) : batchSettingsValues(context);
    if (this.preparedStatements) await this.#prepare(client, kind, values);
    const statement: ContextStatement = { name: this.preparedStatements ? kind : '', text: this.#contextSql[kind], values };
    return new Promise((resolve) => {
      client.query(new PipelinedQuery(statement, statements, (error, results = []) => resolve({ error, results })));
    });
  }

  /** Gives a connection back, after deallocating what was evicted from it: the caller has its result and does not wait. */
  #release(client: pg.PoolClient, error: Error | null): void {
    if (error && isConnectionError(error)) {
      client.release(true);
      return;
    }
    const deallocation = this.pipelined ? preparedStatementsOf(connectionOf(client)).takeDeallocation() : undefined;
    if (!deallocation) {
      client.release();
      return;
    }
    client.query(deallocation).then(
      () => client.release(),
      () => client.release(true),
    );
  }

  async #prepare(client: pg.PoolClient, name: ContextName, values: string[]): Promise<void> {
    const prepared = this.#prepared.get(client) ?? new Set();
    if (prepared.has(name)) return;
    await client.query({ name, text: this.#contextSql[name], values });
    this.#prepared.set(client, prepared.add(name));
  }

  /**
   * Runs `work` in one explicit transaction: every statement of this database inside it joins. Commits when `work` resolves;
   * a thrown error rolls everything back, audit and events with it, unless it is a DomainError that says to commit.
   */
  async transaction<T>(work: () => Promise<T>, change: SessionContext = {}): Promise<T> {
    const scope = currentScope();
    if (scope.transaction) return work();
    const context = { ...scope.context, ...change };
    const client = await this.#checkout();
    const prepared = this.pipelined ? preparedStatementsOf(connectionOf(client)) : undefined;
    const transaction = new Transaction(client, prepared, (text) => this.onStatement(text));
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
      this.#release(client, null);
    } catch (error) {
      client.release(true);
      throw toDomainError(error);
    }
    committed();
    if (failure) throw toDomainError(failure.error);
    return result as T;
  }

  /** Runs `work` as `context`, whoever acts outside, in a transaction of its own. */
  transactionAs<T>(context: SessionContext, work: () => Promise<T>): Promise<T> {
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
