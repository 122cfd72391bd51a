import { expect, test } from 'vitest';
import { checkPassword, hashPassword, verifyPassword } from '../../../src/platform/auth/passwords.ts';
import { PASSWORD, passwordHash } from './fixture.ts';

test('hashPassword uses Argon2id with 19 MiB, two passes and one lane', async () => {
  expect(await passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await hashPassword(PASSWORD)).not.toBe(await passwordHash);
});

test('verifyPassword accepts only the exact password', async () => {
  const hash = await passwordHash;
  expect(await verifyPassword(hash, PASSWORD)).toBe(true);
  for (const wrong of ['', PASSWORD.slice(1), `${PASSWORD} `, PASSWORD.toUpperCase(), 'decoy for accounts without a password']) {
    expect(await verifyPassword(hash, wrong)).toBe(false);
  }
});

test('verifyPassword rejects every password without a hash, including the decoy', async () => {
  expect(await verifyPassword(null, 'decoy for accounts without a password')).toBe(false);
  expect(await verifyPassword(undefined, PASSWORD)).toBe(false);
});

test.each([
  ['too short', 'elevenchars'],
  ['too long', 'x'.repeat(201)],
  ['the e-mail address', ' Alice@Example.test '],
])('checkPassword rejects a password: %s', (_name, password) => {
  expect(() => checkPassword(password, 'alice@example.test')).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
});
