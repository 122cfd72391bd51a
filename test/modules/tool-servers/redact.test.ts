import { expect, test } from 'vitest';
import { createRedactor } from '../../../src/modules/tool-servers/secrets/redact.ts';

const redactor = createRedactor({ Authorization: 'Bearer abc/def+123', short: 'ab' }, { TOKEN: 'two words' });

test('values are taken out wherever they stand, in what is told and in what is kept', () => {
  expect(redactor.text('It was abc/def+123, or abc%2Fdef%2B123.')).toBe('It was [redacted], or [redacted].');
  expect(redactor.text(Buffer.from('Bearer abc/def+123').toString('base64'))).toBe('[redacted]');
  expect(redactor.text('two words')).toBe('[redacted]');
  expect(redactor.json({ 'abc/def+123': ['x two words x', { deep: 'abc/def+123' }], n: 5, no: null })).toEqual({
    '[redacted]': ['x [redacted] x', { deep: '[redacted]' }],
    n: 5,
    no: null,
  });
});

test('one that is short is not told as it is, and garbles no text', () => {
  expect(redactor.json(['ab', 'about'])).toEqual(['[redacted]', 'about']);
});

test('what looks like a secret is told and not kept', () => {
  const value = {
    password: 'x',
    apiKey: 5,
    'X-Auth-Token': ['a'],
    client_secret: { inside: 1 },
    passwordless: 'kept? no',
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
])('of the text %s the secret is not kept', (text, secret) => {
  expect(redactor.text(text)).toBe(text);
  expect(redactor.textForLog(text)).toContain('[redacted]');
  expect(redactor.textForLog(text)).not.toContain(secret);
});

test('a text that is made to take long takes no time, and what cannot be kept is left out', () => {
  const start = performance.now();
  for (const part of ['token', 'password=', '"', 'token: ', 'bearer ', 'a'])
    redactor.textForLog(part.repeat(Math.floor(1_000_000 / part.length)));
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(redactor.text('a\0b\ud800')).toBe('ab\ufffd');
  let deep: unknown = 'bottom';
  for (let level = 0; level < 5_000; level++) deep = [deep];
  expect(JSON.stringify(redactor.json(deep))).toContain('…');
});
