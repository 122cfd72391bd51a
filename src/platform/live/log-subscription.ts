import { UnavailableError } from '../lib/errors.ts';
import { BufferedIterator } from './buffered-iterator.ts';
import type { Sequenced } from './change-log.ts';
import type { Credential } from './credential-monitor.ts';
import type { DraftReader } from './drafts/draft-feed.ts';
import type { Feed } from './feed.ts';
import type { FeedReader } from './recent-events.ts';
import { type StreamEndCode, StreamEndedError } from './stream-ended-error.ts';

export interface LogSubscriptionOptions<Row extends Sequenced> {
  feed: Feed<Row>;
  /** Delivers rows after this sequence number. */
  after: number;
  /** Whether it also delivers drafts. */
  drafts: boolean;
  expiresAt: Date | undefined;
  onUnavailable: (error: unknown) => void;
  /** Called once when the subscription ends for any reason. */
  onEnd: () => void;
}

/**
 * One reader of a log. It holds a cursor and the page that it is reading: recent rows come from the feed's window, older ones from the
 * database on demand. It delivers drafts when no rows are left.
 */
export class LogSubscription<Row extends Sequenced> extends BufferedIterator<Row> implements FeedReader {
  readonly #options: LogSubscriptionOptions<Row>;
  readonly #drafts: DraftReader<Row> | undefined;
  #credential: Credential | undefined;
  #cursor: number;
  #page: readonly Row[] = [];
  #pageIndex = 0;
  #ended: { error: unknown } | undefined;
  #woken = Promise.withResolvers<void>();
  #tail: Promise<unknown> = Promise.resolve();
  /** Number of pending calls of `next`. */
  #pendingCalls = 0;
  /** Whether the reader awaits `whenReady`. */
  #awaited = false;
  #lastReadAt = Date.now();
  readonly #drained = Promise.withResolvers<void>();

  constructor(options: LogSubscriptionOptions<Row>) {
    super();
    this.#options = options;
    this.#cursor = options.after;
    this.#drafts = options.drafts ? options.feed.drafts?.addReader(this) : undefined;
  }

  /** Whether the reader is waiting for a row. */
  get isAwaited(): boolean {
    return this.#pendingCalls > 0 || this.#awaited;
  }

  /** Settles when the reader has observed the end: it returned, or called `next` after the error. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** Sets the credential. The subscription delivers nothing before. */
  authorize(credential: Credential): void {
    this.#credential = credential;
  }

  next(): Promise<IteratorResult<Row, undefined>> {
    const row = this.#pendingCalls === 0 ? this.#takeRow() : undefined;
    if (row) {
      this.#lastReadAt = Date.now();
      return Promise.resolve({ done: false, value: row });
    }
    this.#pendingCalls++;
    const result = this.#tail
      .then(() => this.#advance())
      .finally(() => {
        this.#pendingCalls--;
        this.#lastReadAt = Date.now();
      });
    this.#tail = result.catch(() => {});
    return result;
  }

  tryNext(): Row | undefined {
    if (this.#pendingCalls > 0) return undefined;
    const row = this.#takeRow() ?? this.#takeDraft();
    if (row) this.#lastReadAt = Date.now();
    return row;
  }

  whenReady(): Promise<void> | undefined {
    if (this.#pendingCalls > 0 || this.#ended || this.#peek() !== undefined || this.#drafts?.ready(this.#cursor))
      return undefined;
    if (!this.#awaited) this.#woken = Promise.withResolvers();
    this.#awaited = true;
    return this.#woken.promise;
  }

  async return(): Promise<IteratorResult<Row, undefined>> {
    this.end(undefined);
    this.#drained.resolve();
    return { done: true, value: undefined };
  }

  wake(): void {
    if (this.#awaited) this.#lastReadAt = Date.now();
    this.#awaited = false;
    this.#woken.resolve();
  }

  /** Ends the subscription at once and drops unread rows. The reader's next call throws the error, if any. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = { error };
    this.#page = [];
    this.#credential?.remove();
    this.#options.onEnd();
    this.wake();
  }

  endWith(code: StreamEndCode): void {
    this.end(new StreamEndedError(code, this.#cursor, this.#options.feed.source.resume(this.#cursor)));
  }

  endIfExpired(): void {
    const { expiresAt } = this.#options;
    if (expiresAt && expiresAt.getTime() <= Date.now()) this.endWith('UNAUTHENTICATED');
  }

  /**
   * Ends the subscription if it lags by more than `maxLag` rows and the reader has paused for more than `maxPauseMs`, or if it lags at all and
   * the pause is twelve times as long: its client is gone or asleep.
   */
  endIfStalled(maxLag: number, maxPauseMs: number): void {
    if (this.isAwaited) return;
    const lag = this.#options.feed.lag(this.#cursor);
    const pauseMs = Date.now() - this.#lastReadAt;
    if ((lag > maxLag && pauseMs > maxPauseMs) || (lag > 0 && pauseMs > 12 * maxPauseMs)) this.endWith('SLOW_CONSUMER');
  }

  /** The next row if it is in memory and the credential is fresh. */
  #takeRow(): Row | undefined {
    this.endIfExpired();
    if (this.#ended || !this.#credential?.isFresh()) return undefined;
    const row = this.#peek();
    if (row === undefined || row === 'gone') return undefined;
    if (this.#pageIndex < this.#page.length) this.#pageIndex++;
    this.#cursor = row.sequence;
    return row;
  }

  /** The draft if no rows precede it and the credential is fresh. */
  #takeDraft(): Row | undefined {
    if (this.#ended || !this.#drafts?.ready(this.#cursor) || !this.#credential?.isFresh()) return undefined;
    return this.#peek() === undefined ? this.#drafts.take(this.#cursor) : undefined;
  }

  #peek(): Row | undefined | 'gone' {
    return this.#page[this.#pageIndex] ?? this.#options.feed.next(this.#cursor);
  }

  async #advance(): Promise<IteratorResult<Row, undefined>> {
    for (;;) {
      if (this.#ended) return this.#finish(this.#ended);
      // Renewed before the check, so that a wake-up during the check is not lost.
      this.#woken = Promise.withResolvers();
      this.endIfExpired();
      const row = this.#peek();
      if (this.#ended) continue;
      const draft = row === undefined && this.#drafts?.ready(this.#cursor) ? this.#drafts : undefined;
      if (row === 'gone') await this.#attempt(() => this.#readPage());
      else if (row === undefined && !draft) await this.#woken.promise;
      else if (!this.#credential?.isFresh()) await this.#attempt(async () => this.#credential?.check());
      else if (draft) return { done: false, value: draft.take(this.#cursor) };
      else {
        const taken = this.#takeRow();
        if (taken) return { done: false, value: taken };
      }
    }
  }

  async #readPage(): Promise<void> {
    const { rows, reached } = await this.#options.feed.page(this.#cursor);
    if (this.#ended) return;
    this.#page = rows;
    this.#pageIndex = 0;
    if (rows.length === 0) this.#cursor = reached;
  }

  /** Waits for the next wake-up while the database is unavailable. The stream delivers nothing on an unchecked credential. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UnavailableError)) return this.end(error);
      this.#options.onUnavailable(error);
      await this.#woken.promise;
    }
  }

  #finish(ended: { error: unknown }): IteratorResult<Row, undefined> {
    const { error } = ended;
    ended.error = undefined;
    if (error !== undefined) throw error;
    this.#drained.resolve();
    return { done: true, value: undefined };
  }
}
