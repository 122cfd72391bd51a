import { Counter, type Registry } from 'prom-client';
import { allCacheStats } from '../../platform/lib/cache-stats.ts';

/** Exports the counters of the named caches. They count for the whole process, over all servers and workers in it. */
export function meterCaches(registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: 'agentbase_cache_requests_total',
    help: 'Lookups in bounded caches, by cache and outcome (hit or miss).',
    labelNames: ['cache', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const [cache, { hits, misses }] of allCacheStats()) {
        this.inc({ cache, outcome: 'hit' }, hits);
        this.inc({ cache, outcome: 'miss' }, misses);
      }
    },
  });
  new Counter({
    name: 'agentbase_cache_evictions_total',
    help: 'Entries that bounded caches evicted to make room, by cache.',
    labelNames: ['cache'],
    registers,
    collect() {
      this.reset();
      for (const [cache, { evictions }] of allCacheStats()) this.inc({ cache }, evictions);
    },
  });
}
