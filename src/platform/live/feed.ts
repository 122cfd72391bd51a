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
  /** The object whose log it is. */
  id: string;
  /** Rows kept in memory for the readers. */
  bufferSize: number;
  /** Rows of one statement. */
  batchSize: number;
  /** Of the text that is written beside logs of this kind. */
  draftReads: DraftLoader<Row> | undefined;
  onUnavailable: (error: unknown) => void;
}

/** Older rows from the database. */
export interface FeedPage<Row> {
  rows: Row[];
  /** The number that is reached when there are none. */
  reached: number;
}

/**
 * Follows one log for everybody in this process who reads it: one statement for each wake-up, whose rows all readers
 * share. Starts to fetch with `begin`; hears hints before that.
 */
export class Feed<Row extends Sequenced> {
  readonly readers = new Set<FeedReader>();
  /** The text that is being written beside the log. */
  readonly drafts: DraftFeed<Row> | undefined;
  readonly #options: FeedOptions<Row>;
  readonly #pages = new Map<number, Promise<FeedPage<Row>>>();
  #window: RecentEvents<Row> | undefined;
  #position = 0;
  /** The highest number that was heard of, true or not. */
  #wanted = 0;
  /** How often something new was heard of. */
  #noticed = 0;
  /** The highest number that the database has told. */
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

  /** How many rows after a number are there to be read, at most. */
  lag(after: number): number {
    return this.#window?.countAfter(after) ?? 0;
  }

  /** Follows from a number on. The first caller decides it. */
  startAt(head: number): void {
    if (!this.#window) {
      const { source, bufferSize } = this.#options;
      this.#position = head;
      this.#window = new RecentEvents(source, bufferSize, head);
    }
    this.advanceHead(head);
  }

  /** The database says that the log has reached this number: a row up to it that cannot be read any more never comes. */
  advanceHead(head: number): void {
    this.#head = Math.max(this.#head, head);
    this.wake(head);
  }

  /** The log may have reached this number. Lies and repetitions do no harm. */
  wake(sequence: number): void {
    this.#wanted = Math.max(this.#wanted, sequence);
    if (sequence > this.#position) this.#noticed++;
    if (this.#window && this.#wanted > this.#position) void this.#fetch(this.#window);
  }

  /** A row that has just been committed, and is told without a read if it is the next one. */
  appendCommitted(row: Row): void {
    // What is being read at this moment has it, or is read once more.
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

  /** The row after a number: undefined if there is none yet, `gone` if it is not in memory any more. */
  next(after: number): Row | undefined | 'gone' {
    return this.#window?.next(after);
  }

  /** Reads on after a number from the database, once for all who ask for the same number at the same time. */
  page(after: number): Promise<FeedPage<Row>> {
    let page = this.#pages.get(after);
    if (!page) {
      page = this.#readPage(after).finally(() => this.#pages.delete(after));
      this.#pages.set(after, page);
    }
    return page;
  }

  async #readPage(after: number): Promise<FeedPage<Row>> {
    // As it is before the read: what comes in meanwhile is not among these rows.
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
        const heard = this.#noticed;
        const head = this.#head;
        const before = this.#position;
        const rows = await this.#read(before);
        // Rows may be gone, and with them the last numbers. Where there is no more to read, the head as it was before is reached.
        const complete = rows.length < this.#options.batchSize ? head : 0;
        this.#position = Math.max(before, rows.at(-1)?.sequence ?? 0, complete);
        if (rows.length > 0) {
          this.#notifyReaders(window, rows);
        } else if (this.#position === before && this.#noticed === heard) {
          // The hint was ahead of what can be seen; the poll asks again.
          this.#wanted = before;
        }
      }
      this.drafts?.wake();
    } catch (error) {
      // The poll wakes the feed again once the database answers.
      if (error instanceof UnavailableError) this.#options.onUnavailable(error);
      else for (const reader of [...this.readers]) reader.end(error);
    } finally {
      this.#fetching = false;
    }
  }
}
