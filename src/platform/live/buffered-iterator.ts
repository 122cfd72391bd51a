/** An item of a stream that delivers its error as the last item: a row, or the error that ended the stream. */
export type StreamItem<Row> = { row: Row } | { ended: unknown };

export interface MapOptions<U> {
  /** Values that only `next` returns, in their order. `tryNext` stops before them. */
  onlyNext?: (value: U) => boolean;
}

/**
 * An async iterator that can also return buffered items synchronously. One reader alternates between `tryNext` and `next`, and never calls
 * them concurrently.
 */
export abstract class BufferedIterator<T> implements AsyncIterableIterator<T, undefined> {
  /** The next item if it is in memory. */
  abstract tryNext(): T | undefined;

  /**
   * Settles when `tryNext` or `next` may have an item. Undefined if the caller must call `next` without waiting, which returns an item or the
   * end, or throws.
   */
  abstract whenReady(): Promise<void> | undefined;

  abstract next(): Promise<IteratorResult<T, undefined>>;

  abstract return(): Promise<IteratorResult<T, undefined>>;

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Passes items to `accept` while they are in memory and `isOpen`, and waits for more. Returns when the caller must call `next`. */
  async drain(accept: (item: T) => Promise<void> | undefined, isOpen: () => boolean = () => true): Promise<void> {
    while (isOpen()) {
      const item = this.tryNext();
      if (item !== undefined) {
        const room = accept(item);
        if (room) await room;
        continue;
      }
      const ready = this.whenReady();
      if (!ready) return;
      await ready;
    }
  }

  filter(predicate: (item: T) => boolean): BufferedIterator<T> {
    return new FilteredIterator(this, predicate);
  }

  /** Transforms each item once, in order. A promised value counts as in memory once it has resolved. */
  map<U>(transform: (item: T) => U | Promise<U>, { onlyNext = () => false }: MapOptions<U> = {}): BufferedIterator<U> {
    return new MappedIterator(this, transform, onlyNext);
  }

  /**
   * Turns the error that ends the stream into its last item. Some transports close the connection without a message when an error is
   * thrown; all of them deliver an item.
   */
  materializeErrors(): BufferedIterator<StreamItem<T>> {
    return new MaterializedIterator(this);
  }

  /**
   * The same items, with `next` and `return` delegated to `outer`: an iterator that a library has wrapped around this one, and that is
   * asynchronous only.
   */
  through(outer: AsyncIterable<T>): BufferedIterator<T> {
    return new WrappedIterator(this, outer);
  }
}

class FilteredIterator<T> extends BufferedIterator<T> {
  readonly #source: BufferedIterator<T>;
  readonly #predicate: (item: T) => boolean;

  constructor(source: BufferedIterator<T>, predicate: (item: T) => boolean) {
    super();
    this.#source = source;
    this.#predicate = predicate;
  }

  tryNext(): T | undefined {
    for (let item = this.#source.tryNext(); item !== undefined; item = this.#source.tryNext())
      if (this.#predicate(item)) return item;
    return undefined;
  }

  whenReady(): Promise<void> | undefined {
    return this.#source.whenReady();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const result = await this.#source.next();
      if (result.done || this.#predicate(result.value)) return result;
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    return this.#source.return();
  }
}

/** The asynchronous value of a transformed item. */
interface Pending<U> {
  /** Rejects as the transformation does. */
  value: Promise<U>;
  /** Settles with it, and never rejects. */
  settled: Promise<void>;
  outcome: { value: U } | 'rejected' | undefined;
}

function pendingOf<U>(value: Promise<U>): Pending<U> {
  const pending: Pending<U> = { value, settled: Promise.resolve(), outcome: undefined };
  pending.settled = value.then(
    (resolved) => {
      pending.outcome = { value: resolved };
    },
    () => {
      pending.outcome = 'rejected';
    },
  );
  return pending;
}

class MappedIterator<T, U> extends BufferedIterator<U> {
  readonly #source: BufferedIterator<T>;
  readonly #transform: (item: T) => U | Promise<U>;
  readonly #onlyNext: (value: U) => boolean;
  /** The value of the last item that the source returned. */
  #pending: Pending<U> | undefined;

  constructor(source: BufferedIterator<T>, transform: (item: T) => U | Promise<U>, onlyNext: (value: U) => boolean) {
    super();
    this.#source = source;
    this.#transform = transform;
    this.#onlyNext = onlyNext;
  }

  tryNext(): U | undefined {
    if (!this.#pending) {
      const item = this.#source.tryNext();
      if (item === undefined) return undefined;
      const value = this.#transform(item);
      if (!(value instanceof Promise) && !this.#onlyNext(value)) return value;
      this.#pending = pendingOf(Promise.resolve(value));
    }
    const { outcome } = this.#pending;
    if (outcome === undefined || outcome === 'rejected' || this.#onlyNext(outcome.value)) return undefined;
    this.#pending = undefined;
    return outcome.value;
  }

  whenReady(): Promise<void> | undefined {
    if (!this.#pending) return this.#source.whenReady();
    return this.#pending.outcome ? undefined : this.#pending.settled;
  }

  async next(): Promise<IteratorResult<U, undefined>> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending) return { done: false, value: await pending.value };
    const { done, value: item } = await this.#source.next();
    if (done) return { done: true, value: undefined };
    const value = this.#transform(item);
    return { done: false, value: value instanceof Promise ? await value : value };
  }

  async return(): Promise<IteratorResult<U, undefined>> {
    await this.#source.return();
    return { done: true, value: undefined };
  }
}

class MaterializedIterator<T> extends BufferedIterator<StreamItem<T>> {
  readonly #source: BufferedIterator<T>;
  #over = false;

  constructor(source: BufferedIterator<T>) {
    super();
    this.#source = source;
  }

  tryNext(): StreamItem<T> | undefined {
    const row = this.#over ? undefined : this.#source.tryNext();
    return row === undefined ? undefined : { row };
  }

  whenReady(): Promise<void> | undefined {
    return this.#over ? undefined : this.#source.whenReady();
  }

  async next(): Promise<IteratorResult<StreamItem<T>, undefined>> {
    if (!this.#over) {
      try {
        const { done, value } = await this.#source.next();
        if (!done) return { done: false, value: { row: value } };
        this.#over = true;
      } catch (ended) {
        this.#over = true;
        return { done: false, value: { ended } };
      }
    }
    // This call lets the source observe that its error has been delivered.
    await this.#source.next();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<StreamItem<T>, undefined>> {
    this.#over = true;
    await this.#source.return();
    return { done: true, value: undefined };
  }
}

class WrappedIterator<T> extends BufferedIterator<T> {
  readonly #inner: BufferedIterator<T>;
  readonly #outer: AsyncIterator<T, undefined>;

  constructor(inner: BufferedIterator<T>, outer: AsyncIterable<T>) {
    super();
    this.#inner = inner;
    this.#outer = outer[Symbol.asyncIterator]();
  }

  tryNext(): T | undefined {
    return this.#inner.tryNext();
  }

  whenReady(): Promise<void> | undefined {
    return this.#inner.whenReady();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#outer.next();
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#outer.return?.();
    return { done: true, value: undefined };
  }
}
