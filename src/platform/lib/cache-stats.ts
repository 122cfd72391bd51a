import { LRUCache } from 'lru-cache';

/** The counters of all caches of one name in this process. */
export class CacheStats {
  hits = 0;
  misses = 0;
  evictions = 0;
}

const statsByName = new Map<string, CacheStats>();

/** The counters of every named cache of this process, by cache name. `/metrics` exports them. */
export function allCacheStats(): ReadonlyMap<string, CacheStats> {
  return statsByName;
}

/** The counters of one cache name. Caches of the same name share them, so that the name stays a bounded metric label. */
export function cacheStatsOf(name: string): CacheStats {
  let stats = statsByName.get(name);
  if (!stats) {
    stats = new CacheStats();
    statsByName.set(name, stats);
  }
  return stats;
}

/** `get` counts a hit or a miss; `has` and `peek` do not count. */
class CountedCache<K extends {}, V extends {}> extends LRUCache<K, V> {
  readonly #stats: CacheStats;

  constructor(stats: CacheStats, options: LRUCache.Options<K, V, unknown>) {
    super({
      ...options,
      dispose: (value, key, reason) => {
        if (reason === 'evict') stats.evictions++;
        options.dispose?.(value, key, reason);
      },
    } as LRUCache.Options<K, V, unknown>);
    this.#stats = stats;
  }

  override get(key: K, options?: LRUCache.GetOptions<K, V, unknown>): V | undefined {
    const value = options ? super.get(key, options) : super.get(key);
    if (value === undefined) this.#stats.misses++;
    else this.#stats.hits++;
    return value;
  }
}

/**
 * An LRU cache whose hits, misses and evictions `/metrics` reports under its name. Values must not be undefined: an absent value is
 * stored as null or as a marker object.
 */
export function namedCache<K extends {}, V extends {}>(name: string, options: LRUCache.Options<K, V, unknown>): LRUCache<K, V> {
  return new CountedCache<K, V>(cacheStatsOf(name), options);
}
