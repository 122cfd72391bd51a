import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { meterCaches } from '../../src/app/metrics/cache-metrics.ts';
import { cacheStatsOf, namedCache } from '../../src/platform/lib/cache-stats.ts';

test('a named cache counts hits, misses and evictions, and caches of one name share the counters', () => {
  const one = namedCache<string, number>('counted', { max: 2 });
  const other = namedCache<string, number>('counted', { max: 2 });
  for (const key of ['a', 'b', 'c']) one.set(key, 1);
  expect(one.get('a')).toBeUndefined();
  expect(one.get('c')).toBe(1);
  expect(other.get('c')).toBeUndefined();
  expect(cacheStatsOf('counted')).toEqual({ hits: 1, misses: 2, evictions: 1 });
});

test('a named cache calls the dispose function of its owner', () => {
  const disposed: string[] = [];
  const cache = namedCache<string, number>('disposing', { max: 1, dispose: (_value, key) => disposed.push(key) });
  cache.set('a', 1);
  cache.set('b', 2);
  expect(disposed).toEqual(['a']);
});

test('/metrics exports every named cache as cumulative counters', async () => {
  const registry = new Registry();
  meterCaches(registry);
  const cache = namedCache<string, number>('exported', { max: 1 });
  cache.set('a', 1);
  cache.get('a');
  await registry.metrics();
  cache.get('b');
  cache.set('b', 1);
  const text = await registry.metrics();
  expect(text).toContain('agentbase_cache_requests_total{cache="exported",outcome="hit"} 1');
  expect(text).toContain('agentbase_cache_requests_total{cache="exported",outcome="miss"} 1');
  expect(text).toContain('agentbase_cache_evictions_total{cache="exported"} 1');
});
