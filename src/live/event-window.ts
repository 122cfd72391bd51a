interface Numbered {
  readonly sequence: number;
}

/** The newest rows of a log, in memory: the one bounded buffer that all readers of a feed share. */
export class EventWindow<Row extends Numbered> {
  readonly #capacity: number;
  #rows: Row[] = [];
  /** Rows up to this number are not here any more, or never were. */
  #floor: number;

  constructor(capacity: number, floor: number) {
    this.#capacity = capacity;
    this.#floor = floor;
  }

  /** The number from which on the window is complete. */
  get floor(): number {
    return this.#floor;
  }

  push(rows: readonly Row[]): void {
    this.#rows.push(...rows);
    const excess = this.#rows.length - this.#capacity;
    // Cutting the front moves the rest, so it waits until it is worth it.
    if (excess <= 0 || (excess < this.#capacity / 4 && excess < 256)) return;
    this.#floor = this.#rows[excess - 1]?.sequence ?? this.#floor;
    this.#rows = this.#rows.slice(excess);
  }

  /** The row after a number: undefined if there is none yet, `gone` if it has left the window. */
  next(after: number): Row | undefined | 'gone' {
    if (after < this.#floor) return 'gone';
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as Row).sequence <= after) low = middle + 1;
      else high = middle;
    }
    return this.#rows[low];
  }
}
