import DataLoader from 'dataloader';

/**
 * The batches of one operation: all loads of one tick become one statement. Results are cached until the operation ends or a mutation
 * writes.
 */
export interface Loaders {
  /**
   * The loader of that name, created at its first use.
   * @param batch takes distinct keys and returns one result for each, in their order
   */
  get<Value>(name: string, batch: (keys: readonly string[]) => Promise<readonly (Value | Error)[]>): DataLoader<string, Value>;
  /** Lets `read` supply the value of one key of a loader. It is called at most once, at the first use. */
  prime<Value>(name: string, key: string, read: () => Promise<Value>): void;
  /** The value that `prime` supplies. */
  primed<Value>(name: string, key: string): Promise<Value> | undefined;
  /** Removes all loaders and their results, which may be stale. */
  clear(): void;
}

type Batch = (keys: readonly string[]) => Promise<readonly unknown[]>;

/** DataLoader would wrap an error that a batch throws before it returns a promise, such as for an invalid filter. */
function rejecting(batch: Batch, keys: readonly string[]): Promise<readonly unknown[]> {
  try {
    return batch(keys);
  } catch (error) {
    return Promise.reject(error);
  }
}

export function createLoaders(): Loaders {
  const loaders = new Map<string, DataLoader<string, unknown>>();
  const primes = new Map<string, { read: () => Promise<unknown>; value?: Promise<unknown> }>();
  return {
    get<Value>(name: string, batch: (keys: readonly string[]) => Promise<readonly (Value | Error)[]>) {
      let loader = loaders.get(name);
      if (!loader) {
        loader = new DataLoader<string, unknown>((keys) => rejecting(batch, keys), { maxBatchSize: 1000 });
        loaders.set(name, loader);
      }
      return loader as DataLoader<string, Value>;
    },
    prime<Value>(name: string, key: string, read: () => Promise<Value>) {
      primes.set(`${name} ${key}`, { read });
    },
    primed<Value>(name: string, key: string) {
      const prime = primes.size > 0 ? primes.get(`${name} ${key}`) : undefined;
      if (!prime) return undefined;
      prime.value ??= prime.read();
      return prime.value as Promise<Value>;
    },
    clear() {
      loaders.clear();
      primes.clear();
    },
  };
}
