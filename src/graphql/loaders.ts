import DataLoader from 'dataloader';

/**
 * The batches of one operation: whatever the resolvers of one tick ask for goes out as one statement. Results are kept until
 * the operation ends or a mutation has written.
 */
export interface Loaders {
  /**
   * The loader of that name, made at its first use.
   * @param batch takes distinct keys and gives one result for each, in their order
   */
  get<Value>(name: string, batch: (keys: readonly string[]) => Promise<readonly (Value | Error)[]>): DataLoader<string, Value>;
  /** Forgets everything: what was read may have changed. */
  clear(): void;
}

export function createLoaders(): Loaders {
  const loaders = new Map<string, DataLoader<string, unknown>>();
  return {
    get<Value>(name: string, batch: (keys: readonly string[]) => Promise<readonly (Value | Error)[]>) {
      let loader = loaders.get(name);
      if (!loader) {
        loader = new DataLoader<string, unknown>(batch, { maxBatchSize: 1000 });
        loaders.set(name, loader);
      }
      return loader as DataLoader<string, Value>;
    },
    clear() {
      loaders.clear();
    },
  };
}
