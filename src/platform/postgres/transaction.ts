import type pg from 'pg';
import type { PreparedStatements } from './protocol/prepared-statements.ts';
import type { SessionContext } from './request-scope.ts';
import { applySettingsSql } from './session-settings.ts';

/** What PrismaPg and our own SQL ask of a connection. */
export interface Queryable {
  query(config: pg.QueryConfig | string): Promise<pg.QueryResult>;
}

/** An open transaction on one connection. Statements are sent one after another, however many are awaited at once. */
export class Transaction implements Queryable {
  readonly #client: pg.PoolClient;
  readonly #prepared: PreparedStatements | undefined;
  readonly #onStatement: (text: string) => void;
  #tail: Promise<unknown> = Promise.resolve();
  #callbacks: (() => void)[] = [];
  #savepoints = 0;
  #open = true;

  /** @param prepared what the connection holds prepared, where it is bounded */
  constructor(client: pg.PoolClient, prepared: PreparedStatements | undefined, onStatement: (text: string) => void) {
    this.#client = client;
    this.#prepared = prepared;
    this.#onStatement = onStatement;
  }

  query(config: pg.QueryConfig | string): Promise<pg.QueryResult> {
    if (!this.#open) return Promise.reject(new Error('the transaction has ended; a promise was not awaited'));
    this.#onStatement(typeof config === 'string' ? config : config.text);
    if (typeof config !== 'string' && config.name) this.#prepared?.use(config.name);
    const result = this.#tail.then(() => this.#client.query(config as pg.QueryConfig));
    this.#tail = result.catch(() => {});
    return result;
  }

  async applyContext(context: SessionContext): Promise<void> {
    await this.query(applySettingsSql(context));
  }

  afterCommit(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  /** Waits for what is still on its way; then no statement can join any more. */
  async close(): Promise<() => void> {
    await this.#tail;
    this.#open = false;
    return () => {
      for (const callback of this.#callbacks) callback();
    };
  }

  /** What Prisma sees when it opens a transaction of its own inside this one: BEGIN becomes a savepoint. */
  nested(): pg.PoolClient {
    const name = `nested_${++this.#savepoints}`;
    const translate = new Map([
      ['BEGIN', `SAVEPOINT ${name}`],
      ['COMMIT', `RELEASE SAVEPOINT ${name}`],
      ['ROLLBACK', `ROLLBACK TO SAVEPOINT ${name}`],
    ]);
    const nested = {
      query: (config: pg.QueryConfig) => this.query(translate.get(config.text) ?? config),
      release: () => {},
      on: () => nested,
      removeListener: () => nested,
    };
    return nested as unknown as pg.PoolClient;
  }
}
