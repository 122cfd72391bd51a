import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeKeyFile, ensureKeyFile, fileKeyring } from '../../../src/platform/auth/key-file.ts';
import { generateSigningKey, inlineKeyring } from '../../../src/platform/auth/keyring.ts';
import { createTenant, type TestTenant } from '../../testkit/tenants.ts';
import { type AuthFixture, authFixture } from './fixture.ts';

let folder: string;
let file: string;
let fixture: AuthFixture;
let tenant: TestTenant;
const problems: unknown[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agentbase-keys-'));
  file = join(folder, 'data', 'keys.json');
  await Promise.all(Array.from({ length: 5 }, () => ensureKeyFile(file)));
  fixture = await authFixture({ keyring: await fileKeyring(file, (error) => problems.push(error)) });
  tenant = await createTenant(fixture);
});
afterAll(async () => {
  await fixture.auth.close();
  await rm(folder, { recursive: true });
});

const signIn = (auth = fixture.auth) =>
  fixture.database.transactionAs({ tenantId: tenant.id, userId: tenant.owner.userId }, () =>
    auth.issueSession({ tenantId: tenant.id, userId: tenant.owner.userId, role: 'OWNER' }),
  );

test('concurrent processes create one key file, readable only by its owner', async () => {
  expect(await readdir(join(folder, 'data'))).toEqual(['keys.json']);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, 'utf8')).keys).toHaveLength(1);
});

test('another process accepts a rotated key immediately, and old tokens stay valid', async () => {
  const before = await signIn();
  const [old] = (await fixture.auth.jwks()).keys;
  await changeKeyFile(file, async (keys) => [await generateSigningKey(), ...keys]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);

  const other = await fixture.another({ keyring: await fileKeyring(file, (error) => problems.push(error)) });
  const after = await signIn(other);
  const kid = JSON.parse(Buffer.from(after.accessToken.split('.')[0] ?? '', 'base64url').toString()).kid;
  expect(kid).not.toBe(old?.kid);
  await expect(fixture.auth.verify(after.accessToken)).resolves.toBeDefined();
  await expect(fixture.auth.verify(before.accessToken)).resolves.toBeDefined();
  await expect(other.verify(before.accessToken)).resolves.toBeDefined();
  expect((await fixture.auth.jwks()).keys.map((key) => key.kid)).toEqual([kid, old?.kid]);

  await changeKeyFile(file, (keys) => keys.slice(0, 1));
  await expect
    .poll(() => fixture.auth.verify(before.accessToken).catch((error: Error) => error.message), { timeout: 5_000, interval: 100 })
    .toBe('The access token is not valid.');
  await expect(fixture.auth.verify(after.accessToken)).resolves.toBeDefined();
  expect(problems).toEqual([]);
  await other.close();
});

test('an unreadable key file is reported and the last keys stay in use', async () => {
  const { accessToken } = await signIn();
  const keyring = fixture.options.keyring;
  const good = await readFile(file, 'utf8');
  await writeFile(file, '{"keys":');
  await keyring.reload();
  await expect(fixture.auth.verify(accessToken)).resolves.toBeDefined();
  expect(String(problems[0])).toContain('not JSON');
  await writeFile(file, good);
  await keyring.reload();
});

test('published keys of every type contain no private member', async () => {
  const kinds = ['EdDSA', 'ES256', 'RS256'];
  const keys = await Promise.all(
    kinds.map(async (alg) => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(privateKey)), alg, kid: alg };
    }),
  );
  const published = await (await inlineKeyring(JSON.stringify({ keys }))).publicKeys();
  expect(published.keys.map(({ alg }) => alg)).toEqual(kinds);
  for (const key of published.keys) {
    expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['d']));
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) expect(key).not.toHaveProperty(member);
  }
});

test.each([
  ['nonsense', 'hello'],
  ['no keys', '{"keys":[]}'],
  ['a symmetric key', '{"keys":[{"kty":"oct","k":"AAAA","kid":"a","alg":"HS256"}]}'],
  ['a public key', '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"a","alg":"EdDSA"}]}'],
  ['no kid', '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"SECRET","alg":"EdDSA"}]}'],
])('a key set with %s is rejected without revealing it', async (_name, text) => {
  await expect(inlineKeyring(text)).rejects.toThrow(/signing key/);
  await expect(inlineKeyring(text)).rejects.not.toThrow(/SECRET|AAAA/);
});

test('the command generates, rotates, prunes and publishes keys', async () => {
  const run = promisify(execFile);
  const keys = (...args: string[]) => run(process.execPath, ['scripts/keys.ts', ...args]);
  const file = join(folder, 'file.json');
  await keys('generate', '--file', file);
  await keys('rotate', '--file', file);
  const { stdout } = await keys('public', '--file', file);
  expect(JSON.parse(stdout).keys).toHaveLength(2);
  expect(stdout).not.toContain('"d"');
  await keys('prune', '--file', file);
  expect(JSON.parse(await readFile(file, 'utf8')).keys).toHaveLength(1);
  expect(JSON.parse((await keys('generate')).stdout).keys[0]).toMatchObject({ alg: 'EdDSA', kty: 'OKP' });
  await expect(keys('destroy')).rejects.toMatchObject({ code: 2 });
});
