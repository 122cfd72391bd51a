import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { runWithContext } from '../db/context.ts';
import { NotFoundError, ValidationError } from '../lib/errors.ts';
import { isUuid } from '../lib/ids.ts';
import { ConversationFeed } from './conversation-feed.ts';
import { CredentialWatch } from './credential-watch.ts';
import { readHead, readHeads } from './event-log.ts';
import { EventStream } from './event-stream.ts';
import { inParallel } from './in-parallel.ts';
import type { ConversationSubscription, Live, LiveOptions, LiveStats } from './live.ts';
import { Outage } from './outage.ts';
import { Repeater } from './repeater.ts';
import { StreamEndedError } from './stream-ended-error.ts';
import type { Hint } from './topics.ts';

const POLLS_AT_ONCE = 4;
/** Longest pause between two attempts while the database is away. */
const MAX_POLL_PAUSE_MS = 5_000;
/** How long readers may take to hear that the server stops. */
const FAREWELL_MS = 250;

export class LiveViews implements Live {
  readonly #options: Required<LiveOptions>;
  /** By tenant, then by conversation. */
  readonly #feeds = new Map<string, Map<string, ConversationFeed>>();
  readonly #streams = new Set<EventStream>();
  readonly #credentials: CredentialWatch;
  readonly #outage: Outage;
  readonly #poller: Repeater;
  readonly #inspector: Repeater;
  readonly #unsubscribe: () => void;
  #failedPolls = 0;
  #closed = false;

  constructor(options: LiveOptions) {
    const all = { pollIntervalMs: 1000, recheckIntervalMs: 2000, bufferSize: 1000, batchSize: 500, maxPauseMs: 5000, ...options };
    this.#options = all;
    this.#credentials = new CredentialWatch(all.recheck, all.recheckIntervalMs);
    this.#outage = new Outage(all.log);
    this.#poller = new Repeater(
      () => this.#poll(),
      () => Math.max(all.pollIntervalMs, Math.min(all.pollIntervalMs * 2 ** this.#failedPolls, MAX_POLL_PAUSE_MS)),
    );
    this.#inspector = new Repeater(
      () => this.#inspect(),
      () => all.recheckIntervalMs,
    );
    this.#unsubscribe = all.transport.subscribe((hint) => this.#hear(hint));
    all.transport.start();
  }

  announce({ tenantId, conversationId, sequence }: { tenantId: string; conversationId: string; sequence: number }): void {
    this.#options.transport.publish({ topic: 'conversation', tenantId, id: conversationId, sequence });
  }

  async conversationEvents(subscription: ConversationSubscription): Promise<EventStream> {
    const { viewer, dbContext, after, signal } = subscription;
    const conversationId = subscription.conversationId.toLowerCase();
    signal?.throwIfAborted();
    if (!isUuid(conversationId)) throw new NotFoundError('The conversation');
    if (this.#closed) throw new StreamEndedError('SERVER_SHUTDOWN', after ?? 0);
    // The feed hears hints from here on, so nothing is missed between reading the head and following.
    const feed = this.#feed(viewer.tenantId, conversationId);
    const placeholder = { wake() {}, end() {} };
    feed.readers.add(placeholder);
    try {
      const head = await runWithContext(dbContext, () => readHead(this.#options.database, conversationId));
      if (head === undefined) throw new NotFoundError('The conversation');
      if (after !== undefined && (after < 0 || after > head)) {
        throw ValidationError.at(['after'], `The last event of this conversation has the number ${head}.`);
      }
      if (this.#closed) throw new StreamEndedError('SERVER_SHUTDOWN', after ?? head);
      signal?.throwIfAborted();
      feed.begin(head);
      return this.#open(subscription, feed, after ?? head);
    } finally {
      feed.readers.delete(placeholder);
      this.#release(viewer.tenantId, conversationId, feed);
    }
  }

  stats(): LiveStats {
    const feeds = this.#feeds.values().reduce((sum, ofTenant) => sum + ofTenant.size, 0);
    const timers = [this.#poller, this.#inspector].filter(({ active }) => active).length;
    return { feeds, subscribers: this.#streams.size, timers };
  }

  healthy(): boolean {
    return this.#options.transport.healthy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    const waiting = [...this.#streams].filter(({ asked }) => asked);
    for (const stream of [...this.#streams]) stream.endWith('SERVER_SHUTDOWN');
    // Whoever closes the connections next must not be faster than the last word on them.
    const patience = new AbortController();
    await Promise.race([
      Promise.all(waiting.map(({ drained }) => drained)),
      delay(FAREWELL_MS, undefined, { signal: patience.signal, ref: false }),
    ]);
    patience.abort();
    // Those who were told have yet to say goodbye.
    await nextTurn();
    await this.#options.transport.close();
  }

  #open({ viewer, signal, conversationId }: ConversationSubscription, feed: ConversationFeed, after: number): EventStream {
    const abort = () => stream.end(undefined);
    const stream = new EventStream({
      feed,
      after,
      expiresAt: viewer.expiresAt,
      onUnavailable: (error) => this.#outage.report(error),
      onEnd: () => {
        signal?.removeEventListener('abort', abort);
        this.#streams.delete(stream);
        feed.readers.delete(stream);
        this.#release(viewer.tenantId, conversationId.toLowerCase(), feed);
      },
    });
    const lost = viewer.apiKeyId ? 'UNAUTHENTICATED' : 'FORBIDDEN';
    stream.authorize(this.#credentials.enter(viewer, () => stream.endWith(lost)));
    feed.readers.add(stream);
    this.#streams.add(stream);
    signal?.addEventListener('abort', abort);
    this.#poller.start();
    this.#inspector.start();
    return stream;
  }

  #feed(tenantId: string, conversationId: string): ConversationFeed {
    const { database, bufferSize, batchSize } = this.#options;
    const ofTenant = this.#feeds.get(tenantId) ?? new Map<string, ConversationFeed>();
    this.#feeds.set(tenantId, ofTenant);
    let feed = ofTenant.get(conversationId);
    if (!feed) {
      const onUnavailable = (error: unknown) => this.#outage.report(error);
      feed = new ConversationFeed({ database, tenantId, conversationId, bufferSize, batchSize, onUnavailable });
      ofTenant.set(conversationId, feed);
    }
    return feed;
  }

  /** Lets go of a feed that nobody reads, and of the timers when it was the last. */
  #release(tenantId: string, conversationId: string, feed: ConversationFeed): void {
    if (feed.readers.size > 0) return;
    const ofTenant = this.#feeds.get(tenantId);
    if (ofTenant?.get(conversationId) === feed) ofTenant.delete(conversationId);
    if (ofTenant?.size === 0) this.#feeds.delete(tenantId);
    if (this.#streams.size > 0) return;
    this.#poller.stop();
    this.#inspector.stop();
  }

  #hear({ tenantId, id, sequence }: Hint): void {
    this.#feeds.get(tenantId)?.get(id)?.wake(sequence);
  }

  /** Finds what no hint told of, with one statement for all followed conversations of a tenant. */
  async #poll(): Promise<void> {
    try {
      await inParallel(this.#feeds, POLLS_AT_ONCE, async ([tenantId, feeds]) => {
        const heads = await runWithContext({ tenantId }, () => readHeads(this.#options.database, [...feeds.keys()]));
        for (const [id, head] of heads) feeds.get(id)?.wake(head);
      });
      this.#failedPolls = 0;
      if (this.#outage.over()) for (const stream of this.#streams) stream.wake();
    } catch (error) {
      this.#failedPolls++;
      this.#outage.report(error);
    }
  }

  /** Ends the views whose right has ended, and those that nobody reads. */
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
