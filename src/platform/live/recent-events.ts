import type { ChangeLog, Sequenced } from './change-log.ts';

/** A reader of a feed. */
export interface FeedReader {
  /** There may be something new. */
  wake(): void;
  end(error: unknown): void;
}

/** The newest rows of a log, in memory: the one bounded buffer that all readers of a feed share. */
export class RecentEvents<Row extends Sequenced> {
  readonly #capacity: number;
  readonly #source: Pick<ChangeLog<Row>, 'keyOf'>;
  #rows: Row[] = [];
  /** Rows up to this number are not here any more, or never were. */
  #floor: number;

  constructor(source: Pick<ChangeLog<Row>, 'keyOf'>, capacity: number, floor: number) {
    this.#source = source;
    this.#capacity = capacity;
    this.#floor = floor;
  }

  /** The number from which on the window is complete. */
  get floor(): number {
    return this.#floor;
  }

  push(rows: readonly Row[]): void {
    this.#forgetOlderThan(rows);
    this.#rows.push(...rows);
    const excess = this.#rows.length - this.#capacity;
    // Cutting the front moves the rest, so it waits until it is worth it.
    if (excess <= 0 || (excess < this.#capacity / 4 && excess < 256)) return;
    this.#floor = this.#rows[excess - 1]?.sequence ?? this.#floor;
    this.#rows = this.#rows.slice(excess);
  }

  /** The row after a number: undefined if there is none yet, `gone` if it has left the window. */
  next(after: number): Row | undefined | 'gone' {
    return after < this.#floor ? 'gone' : this.#rows[this.#indexAfter(after)];
  }

  /** How many rows there are after a number, at most: of those that have left the window only the numbers are known. */
  countAfter(after: number): number {
    return Math.max(0, this.#floor - after) + this.#rows.length - this.#indexAfter(after);
  }

  /** Where rows are states of something, only its newest one is kept. */
  #forgetOlderThan(rows: readonly Row[]): void {
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
