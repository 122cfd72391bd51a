import type { ChangeLog, Sequenced } from './change-log.ts';

/** A reader of a feed. */
export interface FeedReader {
  /** Called when new rows may be available. */
  wake(): void;
  end(error: unknown): void;
}

/** The newest rows of a log: one bounded buffer that all readers of a feed share. */
export class RecentEvents<Row extends Sequenced> {
  readonly #capacity: number;
  readonly #source: Pick<ChangeLog<Row>, 'keyOf'>;
  #rows: Row[] = [];
  /** The buffer holds no rows up to this sequence number. */
  #floor: number;

  constructor(source: Pick<ChangeLog<Row>, 'keyOf'>, capacity: number, floor: number) {
    this.#source = source;
    this.#capacity = capacity;
    this.#floor = floor;
  }

  /** The sequence number after which the buffer is complete. */
  get floor(): number {
    return this.#floor;
  }

  push(rows: readonly Row[]): void {
    this.#removeOlderStates(rows);
    this.#rows.push(...rows);
    const excess = this.#rows.length - this.#capacity;
    // Slicing copies the rest, so rows are evicted in larger steps.
    if (excess <= 0 || (excess < this.#capacity / 4 && excess < 256)) return;
    this.#floor = this.#rows[excess - 1]?.sequence ?? this.#floor;
    this.#rows = this.#rows.slice(excess);
  }

  /** The row after a sequence number: undefined if there is none yet, `gone` if it was evicted. */
  next(after: number): Row | undefined | 'gone' {
    return after < this.#floor ? 'gone' : this.#rows[this.#indexAfter(after)];
  }

  /** Upper bound of the number of rows after a sequence number: evicted rows count by their numbers, which may have gaps. */
  countAfter(after: number): number {
    return Math.max(0, this.#floor - after) + this.#rows.length - this.#indexAfter(after);
  }

  /** Removes older states of the entities in `rows`. */
  #removeOlderStates(rows: readonly Row[]): void {
    const source = this.#source;
    if (!source.keyOf) return;
    const newer = new Set(rows.map((row) => source.keyOf?.(row)));
    this.#rows = this.#rows.filter((row) => !newer.has(source.keyOf?.(row)));
  }

  #indexAfter(after: number): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as Row).sequence <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
