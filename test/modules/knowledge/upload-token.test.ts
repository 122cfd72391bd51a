import { hkdfSync } from 'node:crypto';
import { EncryptJWT } from 'jose';
import { afterEach, expect, test, vi } from 'vitest';
import { createUploadTokens, type UploadToken } from '../../../src/modules/knowledge/documents/upload-token.ts';
import { AuthenticationError } from '../../../src/platform/lib/errors.ts';

const SECRET = 'a secret for tests only';
const tokens = createUploadTokens(SECRET);
const upload: UploadToken = {
  tenantId: '0190a0a0-0000-7000-8000-000000000001',
  userId: '0190a0a0-0000-7000-8000-000000000002',
  sessionId: '0190a0a0-0000-7000-8000-000000000003',
  role: 'MEMBER',
  collectionId: '0190a0a0-0000-7000-8000-000000000004',
  documentId: '0190a0a0-0000-7000-8000-000000000005',
  filename: 'Étude №5 – 請求書.pdf',
  mediaType: 'application/pdf',
  title: 'A study',
  metadata: { year: 2024, tags: ['a', 'b'], nested: { yes: true } },
  maxBytes: 10_000_000,
};

afterEach(() => void vi.useRealTimers());

async function expectRejected(token: string, by = tokens) {
  const error = await by.open(token).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AuthenticationError);
  expect(error).toMatchObject({ code: 'TOKEN_INVALID' });
}

test('decrypts to the sealed content', async () => {
  const { token } = await tokens.seal(upload, 60);
  expect(await tokens.open(token)).toEqual(upload);
  const least = { ...upload, userId: undefined, sessionId: undefined, title: undefined, metadata: undefined };
  expect(await tokens.open((await tokens.seal(least, 60)).token)).toEqual(JSON.parse(JSON.stringify(least)));
});

test('is URL-safe and reveals nothing of its content', async () => {
  const { token } = await tokens.seal(upload, 60);
  expect(token).toMatch(/^[A-Za-z0-9_.-]+$/);
  for (const part of token.split('.')) {
    const read = Buffer.from(part, 'base64url').toString();
    for (const secret of [upload.tenantId, upload.collectionId, 'MEMBER', '.pdf', 'year']) expect(read).not.toContain(secret);
  }
  expect((await tokens.seal(upload, 60)).token).not.toBe(token);
});

test('expires at the returned time', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2030-01-01T00:00:00.000Z') });
  const { token, expiresAt } = await tokens.seal(upload, 60);
  expect(expiresAt).toEqual(new Date('2030-01-01T00:01:00.000Z'));
  vi.setSystemTime('2030-01-01T00:00:59.999Z');
  expect(await tokens.open(token)).toEqual(upload);
  vi.setSystemTime(expiresAt);
  await expectRejected(token);
});

test('rejects a token of another secret', async () => {
  const { token } = await tokens.seal(upload, 60);
  expect(await createUploadTokens(SECRET).open(token)).toEqual(upload);
  await expectRejected(token, createUploadTokens('another secret'));
});

test('rejects a token with any character changed', async () => {
  const { token } = await tokens.seal(upload, 60);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let position = 0; position < token.length; position++) {
    const letter = token[position] as string;
    // Flips the highest of the six bits: the lowest bits of a last character may be padding.
    const other = letter === '.' ? 'A' : (letters[letters.indexOf(letter) ^ 32] as string);
    await expectRejected(token.slice(0, position) + other + token.slice(position + 1));
  }
});

test('rejects truncated, extended and malformed tokens', async () => {
  const { token } = await tokens.seal(upload, 60);
  for (let length = 0; length < token.length; length += 7) await expectRejected(token.slice(0, length));
  await expectRejected(token.slice(0, -1));
  await expectRejected(token.slice(1));
  await expectRejected(`${token}AAAA`);
  await expectRejected(`${token}.`);
  for (const other of ['....', 'a.b.c.d.e', 'null', '\u0000', '🙂', 'x'.repeat(10_000_000)]) await expectRejected(other);
});

test('rejects tokens of another type, without expiry or with invalid content', async () => {
  const key = new Uint8Array(hkdfSync('sha256', SECRET, '', 'agentbase upload ticket', 32));
  const make = (claims: Record<string, unknown>, typ: string, enc = 'A256GCM') =>
    new EncryptJWT(claims).setProtectedHeader({ alg: 'dir', enc, typ });
  const right = await make({ ticket: upload }, 'upload+jwt').setExpirationTime('1m').encrypt(key);
  expect(await tokens.open(right)).toEqual(upload);
  await expectRejected(await make({ ticket: upload }, 'upload+jwt').encrypt(key));
  await expectRejected(await make({ ticket: upload }, 'at+jwt').setExpirationTime('1m').encrypt(key));
  await expectRejected(await make({ ticket: upload }, 'upload+jwt', 'A128CBC-HS256').setExpirationTime('1m').encrypt(key));
  await expectRejected(
    await make({ ticket: { ...upload, maxBytes: -1 } }, 'upload+jwt')
      .setExpirationTime('1m')
      .encrypt(key),
  );
  await expectRejected(
    await make({ ticket: { ...upload, tenantId: '../..' } }, 'upload+jwt')
      .setExpirationTime('1m')
      .encrypt(key),
  );
  await expectRejected(await make({}, 'upload+jwt').setExpirationTime('1m').encrypt(key));
});
