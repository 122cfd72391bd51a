import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CompactEncrypt } from 'jose';
import { expect, test } from 'vitest';
import {
  changeSealingKeyFile,
  ensureSealingKeyFile,
  fileSealingKeys,
  generateSealingKey,
  inlineSealingKeys,
  parseSealingKeys,
  serializeSealingKeys,
} from '../../../src/platform/encryption/keys.ts';
import { createSealer, SealedError } from '../../../src/platform/encryption/sealer.ts';
import { temporaryFolder } from '../mcp-client/servers.ts';

const place = { tenantId: 'tenant', id: 'row', field: 'secrets' };
const sealerOf = (...keys: ReturnType<typeof generateSealingKey>[]) =>
  createSealer(inlineSealingKeys(serializeSealingKeys(keys)));

test('decrypts a value in its context, and the ciphertext does not reveal it', async () => {
  const sealer = sealerOf(generateSealingKey());
  const { text, keyId } = await sealer.seal('the secret', place);
  expect(text.split('.')).toHaveLength(5);
  expect(Buffer.from(text.split('.').join(''), 'base64url').toString()).not.toContain('the secret');
  expect(keyId).toBe(await sealer.newestKey());
  expect(await sealer.open(text, place)).toBe('the secret');
  expect((await sealer.seal('the secret', place)).text).not.toBe(text);
});

test.each([
  ['another tenant', { ...place, tenantId: 'other' }],
  ['another row', { ...place, id: 'other' }],
  ['another column', { ...place, field: 'env' }],
])('does not decrypt a value in %s', async (_what, elsewhere) => {
  const sealer = sealerOf(generateSealingKey());
  const { text } = await sealer.seal('the secret', place);
  await expect(sealer.open(text, elsewhere)).rejects.toThrow(SealedError);
});

test('rejects a value that is manipulated, encrypted differently or invalid, with an error that does not reveal it', async () => {
  const key = generateSealingKey();
  const sealer = sealerOf(key);
  const { text } = await sealer.seal('the secret', place);
  const [header = '', ...rest] = text.split('.');
  const moved = Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(header, 'base64url').toString()), for: 'other:row:secrets' }),
  );
  const otherwise = await new CompactEncrypt(Buffer.from('the secret'))
    .setProtectedHeader({ alg: 'A256GCMKW', enc: 'A256GCM', kid: key.kid ?? '', for: 'tenant:row:secrets' })
    .encrypt(Buffer.from(key.k ?? '', 'base64url'));
  const forged = [[moved.toString('base64url'), ...rest].join('.'), `${text.slice(0, -2)}AA`, otherwise, 'no.jwe.at.all.', ''];
  for (const attempt of forged) {
    const error = await sealer
      .open(attempt, { ...place, tenantId: attempt === forged[0] ? 'other' : 'tenant' })
      .catch((e: Error) => e);
    expect(error).toBeInstanceOf(SealedError);
    expect((error as Error).message).not.toContain('the secret');
    expect((error as Error).cause).toBeUndefined();
  }
});

test('the first key encrypts, every key decrypts, and a removed key does not', async () => {
  const [old, added] = [generateSealingKey(), generateSealingKey()];
  const { text } = await sealerOf(old).seal('the secret', place);
  const both = sealerOf(added, old);
  expect(await both.open(text, place)).toBe('the secret');
  expect((await both.seal('x', place)).keyId).toBe(added.kid);
  await expect(sealerOf(added).open(text, place)).rejects.toThrow(`The sealing key ${old.kid}`);
});

test('creates the key file once, readable by its owner only, and loads a key that another process added', async () => {
  const file = join(await temporaryFolder(), 'keys', 'sealing.json');
  await ensureSealingKeyFile(file);
  const made = await readFile(file, 'utf8');
  await ensureSealingKeyFile(file);
  expect(await readFile(file, 'utf8')).toBe(made);
  const reader = createSealer(await fileSealingKeys(file, () => {}));
  await changeSealingKeyFile(file, (keys) => [generateSealingKey(), ...keys]);
  const { text } = await createSealer(await fileSealingKeys(file, () => {})).seal('the secret', place);
  expect(await reader.open(text, place)).toBe('the secret');
});

test.each([
  ['no JSON', 'nonsense'],
  ['no keys', '{"keys":[]}'],
  ['no kid', JSON.stringify({ keys: [{ ...generateSealingKey(), kid: undefined }] })],
  ['a short key', JSON.stringify({ keys: [{ ...generateSealingKey(), k: 'c2hvcnQ' }] })],
  ['another kind of key', JSON.stringify({ keys: [{ ...generateSealingKey(), kty: 'EC' }] })],
  ['nothing', '{"keys":[null]}'],
])('rejects a set with %s without revealing it', (_what, text) => {
  expect(() => parseSealingKeys(text)).toThrow(/key/);
  expect(() => parseSealingKeys(text)).not.toThrow(/c2hvcnQ/);
});
