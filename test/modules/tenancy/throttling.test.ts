import { afterAll, beforeAll, expect, test } from 'vitest';
import { RateLimitedError } from '../../../src/platform/lib/errors.ts';
import { type AuthFixture, authFixture, PASSWORD, passwordHash } from '../../platform/auth/fixture.ts';
import { createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';
import { attemptFrom, limitedProcess } from './attempts.ts';

let fixture: AuthFixture;
let tenant: TestTenant;

beforeAll(async () => {
  fixture = await authFixture();
  tenant = await createTenant(fixture, { passwordHash: await passwordHash });
});
afterAll(() => fixture.auth.close());

const email = () => `${unique('user')}@example.test`;

test('an account is blocked for one IP address after three failures, also concurrent ones', async () => {
  const limited = limitedProcess(fixture);
  const { email: address } = tenant.owner;
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => attemptFrom(limited, address, '203.0.113.1')));
  expect(outcomes.filter((outcome) => outcome === 'INVALID_CREDENTIALS')).toHaveLength(3);
  const rejected = await attemptFrom(limited, address, '203.0.113.1', PASSWORD);
  expect(rejected).toBeInstanceOf(RateLimitedError);
  const { retryAfterSeconds } = rejected as RateLimitedError;
  expect(retryAfterSeconds).toBeGreaterThan(800);
  expect(retryAfterSeconds).toBeLessThanOrEqual(900);
  expect(await attemptFrom(limited, address, '203.0.113.2', PASSWORD)).toBe('in');
});

test('an IP address is blocked after six failures on several accounts', async () => {
  const limited = limitedProcess(fixture);
  for (let count = 0; count < 6; count++) expect(await attemptFrom(limited, email(), '203.0.113.3')).toBe('INVALID_CREDENTIALS');
  expect(await attemptFrom(limited, email(), '203.0.113.3')).toBeInstanceOf(RateLimitedError);
  expect(await attemptFrom(limited, email(), '203.0.113.4')).toBe('INVALID_CREDENTIALS');
});

test('a successful attempt resets the count of failures', async () => {
  const limited = limitedProcess(fixture);
  const { email: address } = tenant.owner;
  for (let round = 0; round < 2; round++) {
    expect(await attemptFrom(limited, address, '203.0.113.5')).toBe('INVALID_CREDENTIALS');
    expect(await attemptFrom(limited, address, '203.0.113.5')).toBe('INVALID_CREDENTIALS');
    expect(await attemptFrom(limited, address, '203.0.113.5', PASSWORD)).toBe('in');
  }
});
