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
  /** Events after this number. */
  after: number;
  /** Whether it is told the text that is being written as well. */
  drafts: boolean;
  expiresAt: Date | undefined;
  onUnavailable: (error: unknown) => void;
  /** Called once, when it ends in whatever way. */
  onEnd: () => void;
}

/**
 * One reader of a log. It holds a place in the log and no rows but the page it is reading: recent rows come from the
 * feed's window, older ones from the database, at the pace at which they are asked for. Text that is being written comes when
 * there are no rows to read.
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
  /** Calls of `next` that have no answer yet. */
  #asking = 0;
  /** Whether somebody waits to be woken who has not called `next`. */
  #awaited = false;
  #lastAskedAt = Date.now();
  readonly #drained = Promise.withResolvers<void>();

  constructor(options: LogSubscriptionOptions<Row>) {
    super();
    this.#options = options;
    this.#cursor = options.after;
    this.#drafts = options.drafts ? options.feed.drafts?.addReader(this) : undefined;
  }

  /** Whether somebody waits for an event at this moment. */
  get asked(): boolean {
    return this.#asking > 0 || this.#awaited;
  }

  /** Settles when the reader knows that it has ended: it went, or asked again after it was told why. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** Nothing is delivered before there is a credential to check. */
  authorize(credential: Credential): void {
    this.#credential = credential;
  }

  next(): Promise<IteratorResult<Row, undefined>> {
    const row = this.#asking === 0 ? this.#takeRow() : undefined;
    if (row) {
      this.#lastAskedAt = Date.now();
      return Promise.resolve({ done: false, value: row });
    }
    this.#asking++;
    const result = this.#tail
      .then(() => this.#advance())
      .finally(() => {
        this.#asking--;
        this.#lastAskedAt = Date.now();
      });
    this.#tail = result.catch(() => {});
    return result;
  }

  tryNext(): Row | undefined {
    if (this.#asking > 0) return undefined;
    const row = this.#takeRow() ?? this.#takeDraft();
    if (row) this.#lastAskedAt = Date.now();
    return row;
  }

  whenReady(): Promise<void> | undefined {
    if (this.#asking > 0 || this.#ended || this.#peek() !== undefined || this.#drafts?.ready(this.#cursor)) return undefined;
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
    if (this.#awaited) this.#lastAskedAt = Date.now();
    this.#awaited = false;
    this.#woken.resolve();
  }

  /** Ends it: at once, not after what is still to be read. With an error, the reader's next call throws it. */
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

  /** Ends it if it lags too far behind and nobody has asked for an event for too long. */
  endIfStalled(maxLag: number, maxPauseMs: number): void {
    const lag = this.#options.feed.lag(this.#cursor);
    if (!this.asked && lag > maxLag && Date.now() - this.#lastAskedAt > maxPauseMs) this.endWith('SLOW_CONSUMER');
  }

  /** The next row, where there is nothing to wait for. */
  #takeRow(): Row | undefined {
    this.endIfExpired();
    if (this.#ended || !this.#credential?.isFresh()) return undefined;
    const row = this.#peek();
    if (row === undefined || row === 'gone') return undefined;
    if (this.#pageIndex < this.#page.length) this.#pageIndex++;
    this.#cursor = row.sequence;
    return row;
  }

  /** The text that has been written, where there are no rows before it and nothing to wait for. */
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
      // Renewed before looking, so that nothing that comes in between is slept through.
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

  /** While the database is away the stream waits until somebody wakes it; nobody gets an event on an unknown right. */
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
