import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../../lib/logger.ts';
import { type ChangeNotice, decodeNotices } from '../topics.ts';
import { NoticeBatcher } from './notice-batcher.ts';
import { type NoticeBus, type NoticeListener, NoticeListeners } from './notice-bus.ts';

const CHANNEL = 'agentbase_live';
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 10_000;

export interface PostgresNoticeBusOptions {
  /** A direct connection to PostgreSQL: LISTEN does not work through a transaction pooler. */
  connectionString: string;
  log: Logger;
  /** How long notices are collected before they are sent in one batch, in milliseconds. @default 4 */
  coalesceMs?: number;
}

/**
 * LISTEN and NOTIFY over one dedicated connection. NOTIFY takes a cluster-wide lock at commit, so the bus sends it outside of business
 * transactions, in batches.
 */
class PostgresNoticeBus implements NoticeBus {
  readonly #options: PostgresNoticeBusOptions;
  readonly #listeners = new NoticeListeners();
  readonly #outbox: NoticeBatcher;
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #running: Promise<void> | undefined;

  constructor(options: PostgresNoticeBusOptions) {
    this.#options = options;
    this.#outbox = new NoticeBatcher(options.coalesceMs ?? 4, (payloads) => this.#notify(payloads));
  }

  publish(notice: ChangeNotice): void {
    this.#listeners.call(notice);
    if (this.#client) this.#outbox.add(notice);
  }

  subscribe(listener: NoticeListener): () => void {
    return this.#listeners.add(listener);
  }

  start(): void {
    this.#running ??= this.#stayConnected();
  }

  healthy(): boolean {
    return this.#client !== undefined;
  }

  async close(): Promise<void> {
    await this.#outbox.flush();
    this.#closing.abort();
    this.#listeners.clear();
    await this.#running;
  }

  async #notify(payloads: string[]): Promise<void> {
    await this.#client?.query({
      name: 'notify',
      text: 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload',
      values: [CHANNEL, payloads],
    });
  }

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing;
    const { log } = this.#options;
    let retryMs = MIN_RETRY_MS;
    while (!signal.aborted) {
      try {
        await this.#listen(() => {
          if (retryMs > MIN_RETRY_MS) log.info('notice bus connection recovered');
          retryMs = MIN_RETRY_MS;
        });
      } catch (err) {
        if (retryMs === MIN_RETRY_MS) log.warn({ err }, 'notice bus connection failed; live views poll');
      }
      this.#client = undefined;
      this.#outbox.clear();
      await delay(retryMs * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => {});
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  }

  /** Opens one connection and listens. Rejects when the connection is lost, resolves when the bus closes. */
  async #listen(connected: () => void): Promise<void> {
    const { signal } = this.#closing;
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: 'agentbase live',
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    });
    const over = Promise.withResolvers<void>();
    client.on('error', over.reject);
    client.on('end', () => over.reject(new Error('the notice bus connection was closed')));
    client.on('notification', ({ payload }) => {
      for (const notice of decodeNotices(payload ?? '')) this.#listeners.call(notice);
    });
    const abort = () => over.resolve();
    signal.addEventListener('abort', abort);
    // The connection may be lost before anything awaits the promise.
    over.promise.catch(() => {});
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      if (signal.aborted) return;
      this.#client = client;
      connected();
      await over.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#client = undefined;
      // Ending a broken connection may never settle; the next connection does not wait for it.
      const ended = client.end().catch(() => {});
      if (signal.aborted) await ended;
    }
  }
}

export function createPostgresNoticeBus(options: PostgresNoticeBusOptions): NoticeBus {
  return new PostgresNoticeBus(options);
}
