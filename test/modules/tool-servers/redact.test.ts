import { expect, test } from 'vitest';
import { createRedactor } from '../../../src/modules/tool-servers/secrets/redact.ts';

const redactor = createRedactor({ Authorization: 'Bearer abc/def+123', short: 'ab' }, { TOKEN: 'two words' });

test('redacts secret values and their encodings in texts, keys and values', () => {
  expect(redactor.text('It was abc/def+123, or abc%2Fdef%2B123.')).toBe('It was [redacted], or [redacted].');
  expect(redactor.text(Buffer.from('Bearer abc/def+123').toString('base64'))).toBe('[redacted]');
  expect(redactor.text('two words')).toBe('[redacted]');
  expect(redactor.json({ 'abc/def+123': ['x two words x', { deep: 'abc/def+123' }], n: 5, no: null })).toEqual({
    '[redacted]': ['x [redacted] x', { deep: '[redacted]' }],
    n: 5,
    no: null,
  });
});

test('redacts a short secret as a whole value, not inside other text', () => {
  expect(redactor.json(['ab', 'about'])).toEqual(['[redacted]', 'about']);
});

test('redacts values of secret-looking keys in the log only', () => {
  const value = {
    password: 'x',
    apiKey: 5,
    'X-Auth-Token': ['a'],
    client_secret: { inside: 1 },
    passwordless: 'text',
    maxTokens: 5,
    tokenCount: 7,
    hasPassword: true,
    secret: null,
  };
  expect(redactor.json(value)).toEqual(value);
  expect(redactor.jsonForLog(value)).toEqual({
    password: '[redacted]',
    apiKey: '[redacted]',
    'X-Auth-Token': '[redacted]',
    client_secret: '[redacted]',
    passwordless: '[redacted]',
    maxTokens: 5,
    tokenCount: 7,
    hasPassword: true,
    secret: null,
  });
});

test.each([
  ['{"password": "hunter2", "user": "me"}', 'hunter2'],
  ['{\\"api_key\\":\\"hunter2\\"}', 'hunter2'],
  ["token='hunter2'", 'hunter2'],
  ['https://example.test/?access_key=hunter2&x=1', 'hunter2'],
  ['authorization: Bearer hunter2.hunter2', 'hunter2'],
  ['Basic aHVudGVyMjpodW50ZXIy', 'aHVudGVyMjpodW50ZXIy'],
])('redacts the secret of %s in the log only', (text, secret) => {
  expect(redactor.text(text)).toBe(text);
  expect(redactor.textForLog(text)).toContain('[redacted]');
  expect(redactor.textForLog(text)).not.toContain(secret);
});

test('takes linear time on hostile text, and drops invalid characters and excess depth', () => {
  const start = performance.now();
  for (const part of ['token', 'password=', '"', 'token: ', 'bearer ', 'a'])
    redactor.textForLog(part.repeat(Math.floor(1_000_000 / part.length)));
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(redactor.text('a\0b\ud800')).toBe('ab\ufffd');
  let deep: unknown = 'bottom';
  for (let level = 0; level < 5_000; level++) deep = [deep];
  expect(JSON.stringify(redactor.json(deep))).toContain('…');
});
