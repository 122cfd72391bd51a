import type pg from 'pg';
import { DomainError, UnavailableError } from '../lib/errors.ts';
import { isConnectionError, toDomainError } from './errors.ts';
import { connectionOf } from './protocol/pg-internals.ts';
import { type ContextStatement, PipelinedQuery, type PipelineResult } from './protocol/pipelined-query.ts';
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

/** The names under which the statements that set the session context are prepared. */
type ContextName = typeof READ | typeof BATCH;
const READ = 'agentbase_context';
const BATCH = 'agentbase_batch_context';

/** The most statements in one round trip. Further ones use another connection. */
const MAX_PIPELINED = 8;

interface PendingRead {
  query: pg.QueryConfig;
  resolve: (result: pg.QueryResult) => void;
  reject: (error: unknown) => void;
}

export interface DatabaseOptions {
  /** The connections. Their login role must be a member of the application role. */
  pool: pg.Pool;
  timeouts: Timeouts;
  /** Disable behind a pooler that distributes the statements of one client over several connections. */
  preparedStatements: boolean;
  /** Whether statements and their context share a round trip. @default true if the internals of pg pass the check */
  pipelining?: boolean;
  /** The most requests that wait for a connection. Further ones fail with UnavailableError. */
  maxWaiting: number;
}

/**
 * Runs every statement of the application. Reads the session context from the request scope, so that no caller can omit the tenant. A
 * statement outside a transaction shares a round trip with its context and is read-only; inside a transaction it joins the transaction.
 */
export class Database implements Queryable {
  readonly pool: pg.Pool;
  readonly timeouts: Timeouts;
  readonly preparedStatements: boolean;
  /** Why pipelining is off. Each statement then takes its own round trip in an explicit transaction. */
  readonly pipeliningProblem: string | undefined;
  /** Whether statements and their context share a round trip. */
  readonly pipelined: boolean;
  readonly #maxWaiting: number;
  readonly #contextSql: Record<ContextName, string>;
  readonly #prepared = new WeakMap<pg.PoolClient, Set<ContextName>>();
  readonly #waiting = new Map<SessionContext, PendingRead[]>();
  /** Called synchronously with the text of every statement, for metrics and for tests that pin statement counts. */
  onStatement: (text: string) => void = () => {};

  constructor(options: DatabaseOptions) {
    this.pool = options.pool;
    this.timeouts = options.timeouts;
    this.pipeliningProblem = options.pipelining === false ? 'switched off' : pipeliningProblem();
    this.pipelined = this.pipeliningProblem === undefined;
    // Deallocating evicted statements needs the same internals. Without it, prepared statements would grow without bound.
    this.preparedStatements = options.preparedStatements && this.pipelined;
    this.#maxWaiting = options.maxWaiting;
    this.#contextSql = {
      [READ]: readSettingsSql(options.timeouts),
      [BATCH]: batchSettingsSql(options.timeouts),
    };
    // A lost connection fails the statement that runs on it; the pool replaces an idle one at the next checkout. An error event
    // without a listener would end the process.
    this.pool.on('error', () => {});
    this.pool.on('connect', (client) => client.on('error', () => {}));
  }

  /**
   * Runs one statement in the current session context. Outside a transaction it cannot write, and shares a round trip with the other
   * statements that the same context issues in this turn of the event loop.
   */
  async query(config: pg.QueryConfig | string): Promise<pg.QueryResult> {
    const scope = currentScope();
    const query = typeof config === 'string' ? { text: config } : config;
    if (scope.transaction) return scope.transaction.query(query);
    this.onStatement(query.text);
    return new Promise((resolve, reject) => this.#enqueueRead(scope.context, { query, resolve, reject }));
  }

  /**
   * Runs statements that may write, in order, in one round trip and one transaction, which is committed when the promise resolves. The
   * first error rolls back all of them and is thrown like an error of `transaction`. Inside a transaction they join it. Use it for frequent
   * writes that need no intermediate result, and `transaction` otherwise.
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
    // Runs after this turn's microtasks, when the DataLoaders have issued their reads too.
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
    const [failed, ...others] = reads.slice(results.length);
    failed?.reject(error);
    if (others.length === 0) return;
    // The server skipped the statements after the failed one. Run them again.
    if (isConnectionError(error) || error instanceof UnavailableError) for (const { reject } of others) reject(error);
    else await this.#read(context, others);
  }

  async #flush(kind: ContextName, context: SessionContext, statements: readonly pg.QueryConfig[]): Promise<PipelineResult> {
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
  ): Promise<PipelineResult> {
    const values = kind === READ ? readSettingsValues(context) : batchSettingsValues(context);
    if (this.preparedStatements) await this.#prepare(client, kind, values);
    const statement: ContextStatement = { name: this.preparedStatements ? kind : '', text: this.#contextSql[kind], values };
    return new Promise((resolve) => {
      client.query(new PipelinedQuery(statement, statements, (error, results = []) => resolve({ error, results })));
    });
  }

  /** Releases a connection after it deallocates its evicted statements. The caller already has its result and does not wait. */
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
   * Runs `work` in one explicit transaction, which every statement inside `work` joins. Commits when `work` resolves. A thrown error rolls
   * back everything, including audit rows and events, unless it is a DomainError with `commit`.
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
        // Awaited inside the scope: a Prisma promise starts when it is awaited, and would otherwise run outside the transaction.
        result = await runInTransactionScope(context, transaction, async () => await work());
      } catch (error) {
        failure = { error };
      }
      const runCallbacks = await transaction.close();
      const commit = !failure || (failure.error instanceof DomainError && failure.error.commit);
      this.onStatement(commit ? 'COMMIT' : 'ROLLBACK');
      const { command } = await client.query(commit ? 'COMMIT' : 'ROLLBACK');
      // PostgreSQL answers COMMIT with ROLLBACK if a statement failed and its error was swallowed. The caller must see an error.
      if (commit && command !== 'COMMIT') throw new Error('the transaction was rolled back because a statement in it failed');
      if (commit) committed = runCallbacks;
      this.#release(client, null);
    } catch (error) {
      client.release(true);
      throw toDomainError(error);
    }
    committed();
    if (failure) throw toDomainError(failure.error);
    return result as T;
  }

  /** Runs `work` in a new transaction with `context` in place of the current session context. */
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
