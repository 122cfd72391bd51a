/** What can be had without waiting, beside an iterator that waits. Used in turns with its `next`, never at the same time. */
export interface Ready<T> {
  /** The next item, where it is there. */
  take(): T | undefined;
  /**
   * Settles when there may be something to take, or to ask `next` for. Undefined where nothing is to be waited for: what there is, an end
   * for example, is `next`'s to tell.
   */
  ready(): Promise<void> | undefined;
}

export type ReadyIterator<T> = AsyncIterableIterator<T> & Ready<T>;
