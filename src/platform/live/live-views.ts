import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { NotFoundError, ValidationError } from '../lib/errors.ts';
import { isUuid } from '../lib/ids.ts';
import type { ChangeLog, Sequenced } from './change-log.ts';
import { CredentialMonitor } from './credential-monitor.ts';
import { forEachConcurrent, OutageLog, runAs } from './database-reads.ts';
import { DraftLoader } from './drafts/draft-loader.ts';
import { Feed } from './feed.ts';
import type { Live, LiveOptions, LiveStats, LogSubscriptionRequest } from './live.ts';
import { LogSubscription } from './log-subscription.ts';
import { PollTimer } from './poll-timer.ts';
import { StreamEndedError } from './stream-ended-error.ts';
import type { ChangeNotice } from './topics.ts';
import type { NoticeListener } from './transport/notice-bus.ts';

const CONCURRENT_POLLS = 4;
/** Maximum pause between two polls while the database is unavailable. */
const MAX_POLL_PAUSE_MS = 5_000;
/** How long `close` waits for readers to receive the shutdown error. */
const CLOSE_GRACE_MS = 250;

/** The feeds of one topic and tenant. One statement polls them. */
interface FeedsOfTenant {
  tenantId: string;
  source: ChangeLog<Sequenced>;
  draftReads: DraftLoader<Sequenced> | undefined;
  byId: Map<string, Feed<Sequenced>>;
}

function keyOf(topic: string, tenantId: string): string {
  return `${topic} ${tenantId}`;
}

class LiveViews implements Live {
  readonly #options: Required<LiveOptions>;
  /** By topic and tenant. */
  readonly #feeds = new Map<string, FeedsOfTenant>();
  /** Topics of logs by the topics of their drafts. */
  readonly #logOfDrafts = new Map<string, string>();
  readonly #streams = new Set<LogSubscription<Sequenced>>();
  readonly #credentials: CredentialMonitor;
  readonly #outage: OutageLog;
  readonly #poller: PollTimer;
  readonly #inspector: PollTimer;
  readonly #unsubscribe: () => void;
  #failedPolls = 0;
  #closed = false;

  constructor(options: LiveOptions) {
    const all = {
      pollIntervalMs: 1000,
      revalidateIntervalMs: 2000,
      bufferSize: 1000,
      batchSize: 500,
      maxPauseMs: 5000,
      ...options,
    };
    this.#options = all;
    this.#credentials = new CredentialMonitor(all.revalidate, all.revalidateIntervalMs);
    this.#outage = new OutageLog(all.log);
    this.#poller = new PollTimer(
      () => this.#poll(),
      () => Math.max(all.pollIntervalMs, Math.min(all.pollIntervalMs * 2 ** this.#failedPolls, MAX_POLL_PAUSE_MS)),
    );
    this.#inspector = new PollTimer(
      () => this.#inspect(),
      () => all.revalidateIntervalMs,
    );
    this.#unsubscribe = all.transport.subscribe((notice) => this.#onNotice(notice));
    all.transport.start();
  }

  announce(change: ChangeNotice, row?: Sequenced): void {
    if (row) this.#feedOf(change.topic, change)?.appendCommitted(row);
    this.#options.transport.publish(change);
  }

  onNotice(topic: string, listener: NoticeListener): () => void {
    return this.#options.transport.subscribe((notice) => {
      if (notice.topic === topic) listener(notice);
    });
  }

  async subscribe<Row extends Sequenced>(
    source: ChangeLog<Row>,
    subscription: LogSubscriptionRequest,
  ): Promise<LogSubscription<Row>> {
    const { viewer, dbContext, after, signal } = subscription;
    const { tenantId } = viewer;
    const id = subscription.id.toLowerCase();
    signal?.throwIfAborted();
    if (!isUuid(id)) throw new NotFoundError(source.subject);
    if (this.#closed) throw new StreamEndedError('SERVER_SHUTDOWN', after ?? 0, source.resume(after ?? 0));
    // The feed receives notices from here on, so that no row is lost between reading the head and following.
    const feed = this.#feed(source, tenantId, id);
    const placeholder = { wake() {}, end() {} };
    feed.readers.add(placeholder);
    try {
      const head = await runAs(dbContext, () => source.lastSequence(this.#options.database, id));
      if (head === undefined) throw new NotFoundError(source.subject);
      if (after !== undefined && after < 0) {
        throw ValidationError.inputPath(['after'], `${after} is not the number of an event. 0 is before the first one.`);
      }
      if (after !== undefined && after > head) {
        throw ValidationError.inputPath(
          ['after'],
          `${after} is after the last event of this ${source.topic}, which has the number ${head}.`,
        );
      }
      if (this.#closed) throw new StreamEndedError('SERVER_SHUTDOWN', after ?? head, source.resume(after ?? head));
      signal?.throwIfAborted();
      feed.startAt(head);
      return this.#open(source, { ...subscription, id }, feed, after ?? head);
    } finally {
      feed.readers.delete(placeholder);
      this.#release(source.topic, tenantId, id, feed);
    }
  }

  stats(): LiveStats {
    const feeds = this.#feeds.values().reduce((sum, { byId }) => sum + byId.size, 0);
    const timers = [this.#poller, this.#inspector].filter(({ active }) => active).length;
    return { feeds, subscribers: this.#streams.size, timers };
  }

  healthy(): boolean {
    return this.#options.transport.healthy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    const waiting = [...this.#streams].filter(({ isAwaited }) => isAwaited);
    for (const stream of [...this.#streams]) stream.endWith('SERVER_SHUTDOWN');
    // The caller closes the connections next: readers receive the shutdown error first.
    const patience = new AbortController();
    await Promise.race([
      Promise.all(waiting.map(({ drained }) => drained)),
      delay(CLOSE_GRACE_MS, undefined, { signal: patience.signal, ref: false }),
    ]);
    patience.abort();
    // Lets readers that received the error close their streams.
    await nextTurn();
    await this.#options.transport.close();
  }

  #open<Row extends Sequenced>(
    { topic }: ChangeLog<Row>,
    { viewer, signal, id, drafts = false }: LogSubscriptionRequest,
    feed: Feed<Row>,
    after: number,
  ): LogSubscription<Row> {
    const abort = () => stream.end(undefined);
    const stream = new LogSubscription({
      feed,
      after,
      drafts,
      expiresAt: viewer.expiresAt,
      onUnavailable: (error) => this.#outage.report(error),
      onEnd: () => {
        signal?.removeEventListener('abort', abort);
        this.#streams.delete(stream);
        feed.readers.delete(stream);
        feed.drafts?.removeReader(stream);
        this.#release(topic, viewer.tenantId, id, feed);
      },
    });
    const lost = viewer.apiKeyId ? 'UNAUTHENTICATED' : 'FORBIDDEN';
    stream.authorize(this.#credentials.add(viewer, () => stream.endWith(lost)));
    feed.readers.add(stream);
    this.#streams.add(stream);
    signal?.addEventListener('abort', abort);
    this.#poller.start();
    this.#inspector.start();
    return stream;
  }

  #feed<Row extends Sequenced>(source: ChangeLog<Row>, tenantId: string, id: string): Feed<Row> {
    const { database, bufferSize, batchSize } = this.#options;
    const key = keyOf(source.topic, tenantId);
    const ofTenant = this.#feeds.get(key) ?? this.#feedsOf(source, tenantId);
    this.#feeds.set(key, ofTenant);
    let feed = ofTenant.byId.get(id) as Feed<Row> | undefined;
    if (!feed) {
      const onUnavailable = (error: unknown) => this.#outage.report(error);
      // Each topic has one source, so the row types match.
      const draftReads = ofTenant.draftReads as DraftLoader<Row> | undefined;
      feed = new Feed({ source, database, tenantId, id, bufferSize, batchSize, draftReads, onUnavailable });
      ofTenant.byId.set(id, feed as unknown as Feed<Sequenced>);
    }
    return feed;
  }

  #feedsOf(source: ChangeLog<Sequenced>, tenantId: string): FeedsOfTenant {
    const { database } = this.#options;
    const { drafts } = source;
    if (drafts) this.#logOfDrafts.set(drafts.topic, source.topic);
    return { tenantId, source, draftReads: drafts && new DraftLoader({ source: drafts, database, tenantId }), byId: new Map() };
  }

  /** Removes a feed without readers, and stops the timers after the last stream. */
  #release<Row extends Sequenced>(topic: string, tenantId: string, id: string, feed: Feed<Row>): void {
    if (feed.readers.size > 0) return;
    const key = keyOf(topic, tenantId);
    const byId = this.#feeds.get(key)?.byId as Map<string, unknown> | undefined;
    if (byId?.get(id) === feed) byId.delete(id);
    if (byId?.size === 0) this.#feeds.delete(key);
    if (this.#streams.size > 0) return;
    this.#poller.stop();
    this.#inspector.stop();
  }

  #feedOf(log: string, { tenantId, id }: ChangeNotice): Feed<Sequenced> | undefined {
    return this.#feeds.get(keyOf(log, tenantId))?.byId.get(id);
  }

  #onNotice(notice: ChangeNotice): void {
    const { topic, sequence } = notice;
    const log = this.#logOfDrafts.get(topic);
    if (log !== undefined) this.#feedOf(log, notice)?.drafts?.reportVersion(sequence);
    else this.#feedOf(topic, notice)?.wake(sequence);
  }

  /** Finds changes without a notice: one statement for all followed logs of a topic and tenant, and one for their drafts. */
  async #poll(): Promise<void> {
    try {
      await forEachConcurrent(this.#feeds, CONCURRENT_POLLS, async ([, feeds]) => {
        const { tenantId, source, byId } = feeds;
        const { database } = this.#options;
        const followed = [...byId].filter(([, { drafts }]) => drafts?.followed);
        const ids = followed.map(([id]) => id);
        // Concurrent statements share a round trip.
        const [heads, versions] = await runAs({ tenantId }, () =>
          Promise.all([
            source.lastSequences(database, [...byId.keys()]),
            ids.length > 0 ? source.drafts?.readVersions(database, ids) : undefined,
          ]),
        );
        for (const [id, head] of heads) byId.get(id)?.advanceHead(head);
        for (const [id, { drafts }] of versions ? followed : []) drafts?.reportVersion(versions?.get(id));
      });
      this.#failedPolls = 0;
      if (this.#outage.over()) for (const stream of this.#streams) stream.wake();
    } catch (error) {
      this.#failedPolls++;
      this.#outage.report(error);
    }
  }

  /** Ends streams whose credential has expired or is revoked, and stalled streams. */
  async #inspect(): Promise<void> {
    const { bufferSize, maxPauseMs } = this.#options;
    for (const stream of [...this.#streams]) {
      stream.endIfExpired();
      stream.endIfStalled(bufferSize, maxPauseMs);
    }
    try {
      await this.#credentials.sweep();
    } catch (error) {
      this.#outage.report(error);
    }
  }
}

export function createLive(options: LiveOptions): Live {
  return new LiveViews(options);
}
