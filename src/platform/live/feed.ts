import { UnavailableError } from '../lib/errors.ts';
import type { Database } from '../postgres/database.ts';
import type { ChangeLog, Sequenced } from './change-log.ts';
import { runAs } from './database-reads.ts';
import { DraftFeed } from './drafts/draft-feed.ts';
import type { DraftLoader } from './drafts/draft-loader.ts';
import { type FeedReader, RecentEvents } from './recent-events.ts';

export interface FeedOptions<Row extends Sequenced> {
  source: ChangeLog<Row>;
  database: Database;
  tenantId: string;
  /** The object that has the log. */
  id: string;
  /** Maximum number of rows in memory. */
  bufferSize: number;
  /** Maximum number of rows of one statement. */
  batchSize: number;
  /** Loads the drafts beside logs of this topic. */
  draftReads: DraftLoader<Row> | undefined;
  onUnavailable: (error: unknown) => void;
}

/** Older rows from the database. */
export interface FeedPage<Row> {
  rows: Row[];
  /** The sequence number that an empty page reaches. */
  reached: number;
}

/**
 * Follows one log for all readers of this process: one statement for each notice, whose rows all readers share. It receives notices from the
 * start, and reads rows after `startAt`.
 */
export class Feed<Row extends Sequenced> {
  readonly readers = new Set<FeedReader>();
  /** The draft beside the log. */
  readonly drafts: DraftFeed<Row> | undefined;
  readonly #options: FeedOptions<Row>;
  readonly #pages = new Map<number, Promise<FeedPage<Row>>>();
  #window: RecentEvents<Row> | undefined;
  #position = 0;
  /** The highest sequence number that a notice named, correct or not. */
  #wanted = 0;
  /** Number of notices with a new sequence number. */
  #noticed = 0;
  /** The highest sequence number that the database has returned. */
  #head = 0;
  #fetching = false;

  constructor(options: FeedOptions<Row>) {
    this.#options = options;
    const { draftReads: reads } = options;
    const caughtUp = (cursor: number) => this.#position >= this.#wanted && this.#position >= cursor;
    this.drafts = reads && new DraftFeed({ ...options, reads, caughtUp, reach: (head) => this.advanceHead(head) });
  }

  get source(): ChangeLog<Row> {
    return this.#options.source;
  }

  /** Upper bound of the number of unread rows after a sequence number. */
  lag(after: number): number {
    return this.#window?.countAfter(after) ?? 0;
  }

  /** Starts to follow the log after `head`, unless it is already started. */
  startAt(head: number): void {
    if (!this.#window) {
      const { source, bufferSize } = this.#options;
      this.#position = head;
      this.#window = new RecentEvents(source, bufferSize, head);
    }
    this.advanceHead(head);
  }

  /** Records the last sequence number that the database returned: a row up to it that is not readable is deleted. */
  advanceHead(head: number): void {
    this.#head = Math.max(this.#head, head);
    this.wake(head);
  }

  /** Handles a notice that the log has reached a sequence number. Wrong and repeated notices are harmless. */
  wake(sequence: number): void {
    this.#wanted = Math.max(this.#wanted, sequence);
    if (sequence > this.#position) this.#noticed++;
    if (this.#window && this.#wanted > this.#position) void this.#fetch(this.#window);
  }

  /** Delivers a committed row without a read if it is the next one. */
  appendCommitted(row: Row): void {
    // A running read returns the row, or is repeated.
    if (!this.#window || this.#fetching || row.sequence !== this.#position + 1) return;
    this.#position = row.sequence;
    this.#notifyReaders(this.#window, [row]);
    this.drafts?.wake();
  }

  #notifyReaders(window: RecentEvents<Row>, rows: readonly Row[]): void {
    window.push(rows);
    this.drafts?.settle(rows);
    for (const reader of this.readers) reader.wake();
  }

  /** The row after a sequence number: undefined if there is none yet, `gone` if it is no longer in memory. */
  next(after: number): Row | undefined | 'gone' {
    return this.#window?.next(after);
  }

  /** Reads rows after a sequence number from the database. Concurrent calls with the same number share one statement. */
  page(after: number): Promise<FeedPage<Row>> {
    let page = this.#pages.get(after);
    if (!page) {
      page = this.#readPage(after).finally(() => this.#pages.delete(after));
      this.#pages.set(after, page);
    }
    return page;
  }

  async #readPage(after: number): Promise<FeedPage<Row>> {
    // Taken before the read: rows that arrive during it are not among these rows.
    const reached = Math.max(after, this.#window?.floor ?? after);
    return { rows: await this.#read(after), reached };
  }

  #read(after: number): Promise<Row[]> {
    const { source, database, tenantId, id, batchSize } = this.#options;
    return runAs({ tenantId }, () => source.readAfter(database, id, after, batchSize));
  }

  async #fetch(window: RecentEvents<Row>): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      while (this.#wanted > this.#position && this.readers.size > 0) {
        const notices = this.#noticed;
        const head = this.#head;
        const before = this.#position;
        const rows = await this.#read(before);
        // The last rows may be deleted. After a short batch, the position advances to the head from before the read.
        const complete = rows.length < this.#options.batchSize ? head : 0;
        this.#position = Math.max(before, rows.at(-1)?.sequence ?? 0, complete);
        if (rows.length > 0) {
          this.#notifyReaders(window, rows);
        } else if (this.#position === before && this.#noticed === notices) {
          // The notice was ahead of the visible rows; the poll retries.
          this.#wanted = before;
        }
      }
      this.drafts?.wake();
    } catch (error) {
      // The poll wakes the feed when the database is available again.
      if (error instanceof UnavailableError) this.#options.onUnavailable(error);
      else for (const reader of [...this.readers]) reader.end(error);
    } finally {
      this.#fetching = false;
    }
  }
}
