import { expect, test } from 'vitest';
import { RateLimiter } from '../../../src/platform/ai/rate-limiter.ts';

const { signal } = new AbortController();

test('A rejected request consumes neither tokens nor a request', async () => {
  const gate = new RateLimiter({ requests: 2, tokens: 50 });
  expect(await gate.acquire(20, 0, signal)).toBe(true);
  expect(await gate.acquire(40, 0, signal)).toBe(false);
  expect(await gate.acquire(40, 0, signal)).toBe(false);
  expect(await gate.acquire(30, 0, signal)).toBe(true);
  expect(await gate.acquire(0, 0, signal)).toBe(false);
});

test('Capacity becomes available with the next window', async () => {
  const gate = new RateLimiter({ requests: 1, windowMs: 100 });
  const start = performance.now();
  const entered = await Promise.all([1, 2, 3].map(() => gate.acquire(1, 5_000, signal)));
  expect(entered).toEqual([true, true, true]);
  expect(performance.now() - start).toBeGreaterThanOrEqual(195);
});

test('Without limits no request waits', async () => {
  const gate = new RateLimiter({});
  const entered = await Promise.all(Array.from({ length: 1000 }, () => gate.acquire(1e9, 0, signal)));
  expect(entered.every(Boolean)).toBe(true);
});
