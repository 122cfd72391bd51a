import { runWithContext } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import { UnavailableError } from '../lib/errors.ts';
import { EventWindow } from './event-window.ts';
import type { LogSource, Numbered } from './log-source.ts';

/** Who reads a feed. */
export interface FeedReader {
  /** There may be something new. */
  wake(): void;
  end(error: unknown): void;
}

export interface FeedOptions<Row extends Numbered> {
  source: LogSource<Row>;
  database: Database;
  tenantId: string;
  /** The object whose log it is. */
  id: string;
  /** Rows kept in memory for the readers. */
  bufferSize: number;
  /** Rows of one statement. */
  batchSize: number;
  onUnavailable: (error: unknown) => void;
}

/**
 * Follows one log for everybody in this process who reads it: one statement for each wake-up, whose rows all readers
 * share. Starts to fetch with `begin`; hears hints before that.
 */
export class Feed<Row extends Numbered> {
  readonly readers = new Set<FeedReader>();
  readonly #options: FeedOptions<Row>;
  readonly #pages = new Map<number, Promise<Row[]>>();
  #window: EventWindow<Row> | undefined;
  #position = 0;
  /** The highest number that was heard of. */
  #wanted = 0;
  #fetching = false;

  constructor(options: FeedOptions<Row>) {
    this.#options = options;
  }

  get source(): LogSource<Row> {
    return this.#options.source;
  }

  /** The last number that was fetched. */
  get position(): number {
    return this.#position;
  }

  /** Follows from a number on. The first caller decides it. */
  begin(head: number): void {
    if (!this.#window) {
      this.#position = head;
      this.#window = new EventWindow(this.#options.bufferSize, head);
    }
    this.wake(Math.max(this.#wanted, head));
  }

  /** The log has reached this number. Lies and repetitions do no harm. */
  wake(sequence: number): void {
    this.#wanted = Math.max(this.#wanted, sequence);
    if (this.#window && this.#wanted > this.#position) void this.#fetch(this.#window);
  }

  /** The row after a number: undefined if there is none yet, `gone` if it is not in memory any more. */
  next(after: number): Row | undefined | 'gone' {
    return this.#window?.next(after);
  }

  /**
   * Reads on after a number from the database, once for all who ask for the same number at the same time.
   * @returns the rows, and the number that is reached when there are none
   */
  async page(after: number): Promise<{ rows: Row[]; reached: number }> {
    const reached = this.#window?.floor ?? after;
    let page = this.#pages.get(after);
    if (!page) {
      page = this.#read(after).finally(() => this.#pages.delete(after));
      this.#pages.set(after, page);
    }
    const rows = await page;
    return { rows, reached: rows.at(-1)?.sequence ?? Math.max(after, reached) };
  }

  #read(after: number): Promise<Row[]> {
    const { source, database, tenantId, id, batchSize } = this.#options;
    return runWithContext({ tenantId }, () => source.readAfter(database, id, after, batchSize));
  }

  async #fetch(window: EventWindow<Row>): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      while (this.#wanted > this.#position && this.readers.size > 0) {
        const wanted = this.#wanted;
        const rows = await this.#read(this.#position);
        const last = rows.at(-1);
        if (last) {
          this.#position = last.sequence;
          window.push(rows);
          for (const reader of this.readers) reader.wake();
        } else if (this.#wanted === wanted) {
          // The hint was ahead of what can be seen; the poll asks again.
          this.#wanted = this.#position;
        }
      }
    } catch (error) {
      // The poll wakes the feed again once the database answers.
      if (error instanceof UnavailableError) this.#options.onUnavailable(error);
      else for (const reader of [...this.readers]) reader.end(error);
    } finally {
      this.#fetching = false;
    }
  }
}
