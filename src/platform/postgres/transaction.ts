import type pg from 'pg';
import type { PreparedStatements } from './protocol/prepared-statements.ts';
import { applySettingsSql, type SessionContext } from './session-settings.ts';

/** The part of a connection that PrismaPg and `queryRows` use. */
export interface Queryable {
  query(config: pg.QueryConfig | string): Promise<pg.QueryResult>;
}

/** An open transaction on one connection. Sends statements one at a time, also if the caller awaits several at once. */
export class Transaction implements Queryable {
  readonly #client: pg.PoolClient;
  readonly #prepared: PreparedStatements | undefined;
  readonly #onStatement: (text: string) => void;
  #tail: Promise<unknown> = Promise.resolve();
  #callbacks: (() => void)[] = [];
  #savepoints = 0;
  #open = true;

  /** @param prepared the bounded prepared statements of the connection, if pipelining is on */
  constructor(client: pg.PoolClient, prepared: PreparedStatements | undefined, onStatement: (text: string) => void) {
    this.#client = client;
    this.#prepared = prepared;
    this.#onStatement = onStatement;
  }

  query(config: pg.QueryConfig | string): Promise<pg.QueryResult> {
    if (!this.#open) return Promise.reject(new Error('the transaction has ended: await every query inside it'));
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

  /** Waits for pending statements and rejects later ones. Returns a function that runs the after-commit callbacks. */
  async close(): Promise<() => void> {
    await this.#tail;
    this.#open = false;
    return () => {
      for (const callback of this.#callbacks) callback();
    };
  }

  /** The client for a transaction that Prisma opens inside this one: BEGIN becomes a savepoint. */
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
