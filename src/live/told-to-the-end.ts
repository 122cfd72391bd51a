import type { ReadyIterator } from './ready.ts';

/** What a stream gives to a reader who must be told why it ended: a row, or the error that ended it. */
export type Told<Row> = { row: Row } | { ended: unknown };

/**
 * Turns the error that ends a stream into its last item. Thrown errors break the connection of some transports without a word;
 * an item reaches the reader on all of them.
 * @param keep which rows to give on
 */
export function toldToTheEnd<Row>(source: ReadyIterator<Row>, keep: (row: Row) => boolean): ReadyIterator<Told<Row>> {
  let over = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    take() {
      if (over) return undefined;
      for (let row = source.take(); row !== undefined; row = source.take()) if (keep(row)) return { row };
      return undefined;
    },
    ready: () => (over ? undefined : source.ready()),
    async next() {
      while (!over) {
        try {
          const { done, value } = await source.next();
          if (done) over = true;
          else if (keep(value)) return { done: false, value: { row: value } };
        } catch (ended) {
          over = true;
          return { done: false, value: { ended } };
        }
      }
      // The source learns that its last word has been delivered.
      await source.next();
      return { done: true, value: undefined };
    },
    async return() {
      over = true;
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}
