import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RateLimitedError } from '../../../src/platform/lib/errors.ts';
import { type AuthFixture, authFixture, PASSWORD, passwordHash } from '../../platform/auth/fixture.ts';
import { createTenant } from '../../testkit/tenants.ts';
import { attemptFrom, limitedProcess } from './attempts.ts';

let fixture: AuthFixture;

beforeAll(async () => {
  fixture = await authFixture();
});
afterAll(() => fixture.auth.close());

test('processes share the count of failures, under hashed keys', async () => {
  const { owner } = await createTenant(fixture, { passwordHash: await passwordHash });
  const [one, two] = [limitedProcess(fixture), limitedProcess(fixture)];
  for (const process of [one, two, one]) {
    expect(await attemptFrom(process, owner.email, '203.0.113.6')).toBe('INVALID_CREDENTIALS');
  }
  expect(await attemptFrom(two, owner.email, '203.0.113.6', PASSWORD)).toBeInstanceOf(RateLimitedError);
  const keys = await fixture.db.ownerQuery<{ key: string }>('SELECT key FROM app.rate_limits');
  expect(keys.length).toBeGreaterThan(0);
  for (const { key } of keys) expect(key).toMatch(/^sign-in-(account|address):[0-9a-f]{64}$/);
});

test.runIf(process.env.TEST_REDIS_URL)(
  'processes share the count in Redis and count locally while Redis is unavailable',
  async () => {
    const { owner } = await createTenant(fixture, { passwordHash: await passwordHash });
    const redis = new Redis(process.env.TEST_REDIS_URL ?? '', { lazyConnect: true });
    redis.on('error', () => {});
    await redis.connect();
    const [one, two] = [limitedProcess(fixture, { redis }), limitedProcess(fixture, { redis })];
    for (const process of [one, two, one]) {
      expect(await attemptFrom(process, owner.email, '203.0.113.7')).toBe('INVALID_CREDENTIALS');
    }
    expect(await attemptFrom(two, owner.email, '203.0.113.7', PASSWORD)).toBeInstanceOf(RateLimitedError);
    redis.disconnect();
    await expect.poll(() => redis.status).toBe('end');
    for (let count = 0; count < 3; count++) {
      expect(await attemptFrom(two, owner.email, '203.0.113.8')).toBe('INVALID_CREDENTIALS');
    }
    expect(await attemptFrom(two, owner.email, '203.0.113.8', PASSWORD)).toBeInstanceOf(RateLimitedError);
  },
);
