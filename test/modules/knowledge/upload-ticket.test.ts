import { hkdfSync } from 'node:crypto';
import { EncryptJWT } from 'jose';
import { afterEach, expect, test, vi } from 'vitest';
import { createUploadTokens, type UploadToken } from '../../../src/modules/knowledge/documents/upload-token.ts';
import { AuthenticationError } from '../../../src/platform/lib/errors.ts';

const SECRET = 'a secret for tests alone';
const tickets = createUploadTokens(SECRET);
const ticket: UploadToken = {
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

async function refused(token: string, by = tickets) {
  const error = await by.open(token).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AuthenticationError);
  expect(error).toMatchObject({ code: 'TOKEN_INVALID' });
}

test('opens to what was sealed', async () => {
  const { token } = await tickets.seal(ticket, 60);
  expect(await tickets.open(token)).toEqual(ticket);
  const least = { ...ticket, userId: undefined, sessionId: undefined, title: undefined, metadata: undefined };
  expect(await tickets.open((await tickets.seal(least, 60)).token)).toEqual(JSON.parse(JSON.stringify(least)));
});

test('can be a part of a path, and shows nothing of what it permits', async () => {
  const { token } = await tickets.seal(ticket, 60);
  expect(token).toMatch(/^[A-Za-z0-9_.-]+$/);
  for (const part of token.split('.')) {
    const read = Buffer.from(part, 'base64url').toString();
    for (const secret of [ticket.tenantId, ticket.collectionId, 'MEMBER', '.pdf', 'year']) expect(read).not.toContain(secret);
  }
  expect((await tickets.seal(ticket, 60)).token).not.toBe(token);
});

test('ends at the second that was said', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2030-01-01T00:00:00.000Z') });
  const { token, expiresAt } = await tickets.seal(ticket, 60);
  expect(expiresAt).toEqual(new Date('2030-01-01T00:01:00.000Z'));
  vi.setSystemTime('2030-01-01T00:00:59.999Z');
  expect(await tickets.open(token)).toEqual(ticket);
  vi.setSystemTime(expiresAt);
  await refused(token);
});

test('opens under its own secret alone', async () => {
  const { token } = await tickets.seal(ticket, 60);
  expect(await createUploadTokens(SECRET).open(token)).toEqual(ticket);
  await refused(token, createUploadTokens('another secret'));
});

test('is refused with any character changed', async () => {
  const { token } = await tickets.seal(ticket, 60);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let position = 0; position < token.length; position++) {
    const letter = token[position] as string;
    // The highest bit of the six: the lowest of a last character may mean nothing.
    const other = letter === '.' ? 'A' : (letters[letters.indexOf(letter) ^ 32] as string);
    await refused(token.slice(0, position) + other + token.slice(position + 1));
  }
});

test('is refused where it was cut, lengthened, or is none', async () => {
  const { token } = await tickets.seal(ticket, 60);
  for (let length = 0; length < token.length; length += 7) await refused(token.slice(0, length));
  await refused(token.slice(0, -1));
  await refused(token.slice(1));
  await refused(`${token}AAAA`);
  await refused(`${token}.`);
  for (const other of ['....', 'a.b.c.d.e', 'null', '\u0000', '🙂', 'x'.repeat(10_000_000)]) await refused(other);
});

test('is refused when it was made for another use, never ends or lacks something', async () => {
  const key = new Uint8Array(hkdfSync('sha256', SECRET, '', 'agentbase upload ticket', 32));
  const make = (claims: Record<string, unknown>, typ: string, enc = 'A256GCM') =>
    new EncryptJWT(claims).setProtectedHeader({ alg: 'dir', enc, typ });
  const right = await make({ ticket }, 'upload+jwt').setExpirationTime('1m').encrypt(key);
  expect(await tickets.open(right)).toEqual(ticket);
  await refused(await make({ ticket }, 'upload+jwt').encrypt(key));
  await refused(await make({ ticket }, 'at+jwt').setExpirationTime('1m').encrypt(key));
  await refused(await make({ ticket }, 'upload+jwt', 'A128CBC-HS256').setExpirationTime('1m').encrypt(key));
  await refused(
    await make({ ticket: { ...ticket, maxBytes: -1 } }, 'upload+jwt')
      .setExpirationTime('1m')
      .encrypt(key),
  );
  await refused(
    await make({ ticket: { ...ticket, tenantId: '../..' } }, 'upload+jwt')
      .setExpirationTime('1m')
      .encrypt(key),
  );
  await refused(await make({}, 'upload+jwt').setExpirationTime('1m').encrypt(key));
});
