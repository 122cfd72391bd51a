import { createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateSigningKey, inlineKeyring } from '../../../src/platform/auth/keyring.ts';
import { ForbiddenError, UnauthenticatedError } from '../../../src/platform/lib/errors.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { createTenant, type TestTenant } from '../../testkit/tenants.ts';
import { AUDIENCE, type AuthFixture, authFixture, ISSUER } from './fixture.ts';

let fixture: AuthFixture;
let tenant: TestTenant;
let signing: JWK;
let rsa: { privateKey: CryptoKey; publicKey: CryptoKey };

beforeAll(async () => {
  signing = await generateSigningKey();
  rsa = await generateKeyPair('RS256', { extractable: true });
  const rsaKey = { ...(await exportJWK(rsa.privateKey)), kid: 'rsa', alg: 'RS256' };
  fixture = await authFixture({ keyring: await inlineKeyring(JSON.stringify({ keys: [signing, rsaKey] })) });
  tenant = await createTenant(fixture, { members: ['MEMBER', 'VIEWER', 'ADMIN'] });
});
afterAll(() => fixture.auth.close());

const now = () => Math.floor(Date.now() / 1000);

interface Forgery {
  header?: Record<string, unknown>;
  /** Claims to change; undefined omits a claim. */
  claims?: Record<string, unknown>;
  key?: CryptoKey | Uint8Array;
}

/** A valid token with the given changes. */
async function token({ header = {}, claims = {}, key }: Forgery = {}): Promise<string> {
  const all = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: tenant.owner.userId,
    tid: tenant.id,
    role: 'OWNER',
    jti: newId(),
    iat: now(),
    exp: now() + 900,
    ...claims,
  };
  const protectedHeader = { alg: 'EdDSA', kid: signing.kid, typ: 'at+jwt', ...header } as JWTHeaderParameters;
  const jwt = new SignJWT(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
  const crit = protectedHeader.crit ? { crit: { [String(protectedHeader.crit[0])]: true } } : {};
  return jwt.setProtectedHeader(protectedHeader).sign(key ?? (await importJWK(signing, 'EdDSA')), crit);
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a valid token authenticates its user in its tenant', async () => {
  const viewer = await fixture.auth.verify(await token());
  expect(viewer).toMatchObject({ tenantId: tenant.id, userId: tenant.owner.userId, apiKeyId: undefined, role: 'OWNER' });
  expect(viewer.permissions.has('member:manage')).toBe(true);
  expect(viewer.expiresAt?.getTime()).toBeGreaterThan(Date.now());
});

test('a token signed with an RS256 key of the keyring is valid', async () => {
  const good = await token({ header: { alg: 'RS256', kid: 'rsa' }, key: rsa.privateKey });
  await expect(fixture.auth.verify(good)).resolves.toMatchObject({ role: 'OWNER' });
});

test('the role comes from the membership, not from the token', async () => {
  const viewer = tenant.members[2];
  const claims = { sub: viewer?.userId, role: 'OWNER' };
  const verified = await fixture.auth.verify(await token({ claims }));
  expect(verified.role).toBe('VIEWER');
  expect(verified.permissions.has('agent:configure')).toBe(false);
});

describe('forged tokens are rejected with the same message', () => {
  const forgeries: [string, () => Promise<string>][] = [
    ['alg none', async () => `${encode({ alg: 'none', typ: 'at+jwt', kid: signing.kid })}.${(await token()).split('.')[1]}.`],
    ['alg none in mixed case', async () => `${encode({ alg: 'nOnE', typ: 'at+jwt' })}.${(await token()).split('.')[1]}.`],
    ['no signature', async () => `${(await token()).split('.').slice(0, 2).join('.')}.`],
    [
      'HS256 keyed with the public RSA key',
      async () => token({ header: { alg: 'HS256', kid: 'rsa' }, key: new TextEncoder().encode(await exportSPKI(rsa.publicKey)) }),
    ],
    [
      'HS256 keyed with the public Ed25519 key',
      async () => {
        const raw = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: signing.x }, format: 'jwk' });
        return token({ header: { alg: 'HS256' }, key: new Uint8Array(raw.export({ type: 'spki', format: 'der' })) });
      },
    ],
    [
      'another key under a known kid',
      async () => token({ key: (await importJWK(await generateSigningKey(), 'EdDSA')) as CryptoKey }),
    ],
    [
      'another key under its own kid',
      async () => {
        const other = await generateSigningKey();
        return token({ header: { kid: other.kid }, key: (await importJWK(other, 'EdDSA')) as CryptoKey });
      },
    ],
    ['the RSA key under the kid of another key', () => token({ header: { alg: 'RS256' }, key: rsa.privateKey })],
    ['no kid', () => token({ header: { kid: undefined } })],
    ['a kid that is a path', () => token({ header: { kid: '../../../../dev/null' } })],
    ['a kid that is SQL', () => token({ header: { kid: "' OR 1=1 --" } })],
    ['an unknown critical header', () => token({ header: { crit: ['exp2'], exp2: 1 } })],
    ['no typ', () => token({ header: { typ: undefined } })],
    ['the typ of an ID token', () => token({ header: { typ: 'JWT' } })],
    ['another audience', () => token({ claims: { aud: 'another-audience' } })],
    ['no audience', () => token({ claims: { aud: undefined } })],
    ['another issuer', () => token({ claims: { iss: 'https://evil.example.test' } })],
    ['no issuer', () => token({ claims: { iss: undefined } })],
    ['the issuer with a slash', () => token({ claims: { iss: `${ISSUER}/` } })],
    ['no expiry', () => token({ claims: { exp: undefined } })],
    ['no time of issue', () => token({ claims: { iat: undefined } })],
    ['a lifetime of more than 15 minutes', () => token({ claims: { exp: now() + 3600 } })],
    ['a long lifetime with a future time of issue', () => token({ claims: { iat: now() + 3000, exp: now() + 3600 } })],
    ['not valid yet', () => token({ claims: { nbf: now() + 60 } })],
    ['no subject', () => token({ claims: { sub: undefined } })],
    ['a subject that is not a UUID', () => token({ claims: { sub: 'root' } })],
    ['no tenant', () => token({ claims: { tid: undefined } })],
    ['a tenant that is not a UUID', () => token({ claims: { tid: '*' } })],
    [
      'a changed tenant under an old signature',
      async () => {
        const [header, payload = '', signature] = (await token()).split('.');
        const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
        return [header, encode({ ...claims, tid: newId() }), signature].join('.');
      },
    ],
    ['a changed signature', async () => (await token()).replace(/.{4}$/, (end) => (end === 'AAAA' ? 'BBBB' : 'AAAA'))],
    ['a text that is not a JWT', async () => 'hello'],
    ['an empty string', async () => ''],
    ['an encrypted JWT', async () => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..a.b.c'],
    ['a very long text', async () => `${await token()}${'A'.repeat(100_000)}`],
  ];

  test.each(forgeries)('%s', async (_name, forge) => {
    const rejection = fixture.auth.verify(await forge());
    await expect(rejection).rejects.toBeInstanceOf(UnauthenticatedError);
    await expect(rejection).rejects.toThrow('The access token is not valid.');
  });

  test('a token cannot name the location of its key: jku, x5u and jwk are not followed', async () => {
    const own = await generateSigningKey();
    const { d, ...publicHalf } = own;
    let requests = 0;
    const server = createServer((_request, response) => {
      requests++;
      response.end(JSON.stringify({ keys: [publicHalf] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/jwks.json`;
    const key = (await importJWK(own, 'EdDSA')) as CryptoKey;
    for (const header of [
      { jku: url, kid: own.kid },
      { x5u: url, kid: own.kid },
      { jwk: publicHalf, kid: own.kid },
      { jwk: publicHalf },
    ]) {
      await expect(fixture.auth.verify(await token({ header, key }))).rejects.toThrow('The access token is not valid.');
    }
    expect(requests).toBe(0);
    server.close();
  });
});

test('an expired token is reported as expired only if its signature is valid', async () => {
  const ended = { iat: now() - 1000, exp: now() - 100 };
  await expect(fixture.auth.verify(await token({ claims: ended }))).rejects.toThrow('The access token has expired.');
  const forged = token({ claims: ended, key: (await importJWK(await generateSigningKey(), 'EdDSA')) as CryptoKey });
  await expect(fixture.auth.verify(await forged)).rejects.toThrow('The access token is not valid.');
});

test('a cached token expires on time', async () => {
  const short = await token({ claims: { exp: now() + 60 } });
  const { userId } = await fixture.auth.verify(short);
  const began = Date.now();
  try {
    vi.useFakeTimers({ toFake: ['Date'], now: began + 62_000 });
    expect((await fixture.auth.verify(short)).userId).toBe(userId);
    vi.setSystemTime(began + 67_000);
    await expect(fixture.auth.verify(short)).rejects.toThrow('The access token has expired.');
  } finally {
    vi.useRealTimers();
  }
});

test('a clock difference of a few seconds is tolerated', async () => {
  await expect(fixture.auth.verify(await token({ claims: { iat: now() + 3, exp: now() + 600 } }))).resolves.toBeDefined();
  await expect(fixture.auth.verify(await token({ claims: { iat: now() - 600, exp: now() - 3 } }))).resolves.toBeDefined();
});

describe('a token is rejected for', () => {
  test('a user who is not a member of its tenant', async () => {
    const other = await createTenant(fixture);
    await expect(fixture.auth.verify(await token({ claims: { tid: other.id } }))).rejects.toBeInstanceOf(ForbiddenError);
    await expect(fixture.auth.verify(await token({ claims: { tid: newId() } }))).rejects.toBeInstanceOf(ForbiddenError);
  });

  test('a suspended member, immediately in this process and within seconds in another', async () => {
    const { ownerQuery } = fixture.db;
    const member = tenant.members[1];
    const good = await token({ claims: { sub: member?.userId } });
    const viewer = await fixture.auth.verify(good);
    await ownerQuery("UPDATE memberships SET status = 'SUSPENDED' WHERE id = $1", [member?.membershipId]);
    await expect.poll(() => fixture.auth.revalidate(viewer), { timeout: 2_000 }).toBe(false);
    fixture.auth.evict({ userId: member?.userId });
    await expect(fixture.auth.verify(good)).rejects.toThrow('This membership is suspended.');
    await ownerQuery("UPDATE memberships SET status = 'ACTIVE' WHERE id = $1", [member?.membershipId]);
    // A refusal is remembered for seconds.
    await vi.waitFor(() => expect(fixture.auth.verify(good)).resolves.toBeDefined(), { timeout: 10_000, interval: 200 });
  });

  test('a suspended account', async () => {
    const member = tenant.members[1];
    await fixture.db.ownerQuery("UPDATE users SET status = 'SUSPENDED' WHERE id = $1", [member?.userId]);
    fixture.auth.evict({ tenantId: tenant.id });
    const good = await token({ claims: { sub: member?.userId } });
    await expect(fixture.auth.verify(good)).rejects.toThrow('This account is disabled.');
    await fixture.db.ownerQuery("UPDATE users SET status = 'ACTIVE' WHERE id = $1", [member?.userId]);
  });

  test('a suspended tenant, also in a process with a cached lookup', async () => {
    const other = await createTenant(fixture);
    const good = await token({ claims: { tid: other.id, sub: other.owner.userId } });
    await fixture.auth.verify(good);
    await fixture.db.ownerQuery("UPDATE tenants SET status = 'SUSPENDED' WHERE id = $1", [other.id]);
    await expect
      .poll(() => fixture.auth.verify(good).catch((error: Error) => error.message), { timeout: 5_000, interval: 100 })
      .toBe('This tenant is not active.');
  });

  test('a removed member', async () => {
    const member = tenant.members[3];
    const good = await token({ claims: { sub: member?.userId } });
    const viewer = await fixture.auth.verify(good);
    await fixture.db.ownerQuery('DELETE FROM memberships WHERE id = $1', [member?.membershipId]);
    fixture.auth.evict({ userId: member?.userId, tenantId: tenant.id });
    await expect(fixture.auth.verify(good)).rejects.toBeInstanceOf(ForbiddenError);
    expect(await fixture.auth.revalidate(viewer)).toBe(false);
  });
});

test('revalidate returns false once the role loses a permission and once the token expires', async () => {
  const other = await createTenant(fixture, { members: ['ADMIN'] });
  const admin = other.members[1];
  const viewer = await fixture.auth.verify(await token({ claims: { tid: other.id, sub: admin?.userId } }));
  expect(await fixture.auth.revalidate(viewer)).toBe(true);
  expect(await fixture.auth.revalidate({ ...viewer, expiresAt: new Date(Date.now() - 1) })).toBe(false);
  await fixture.db.ownerQuery("UPDATE memberships SET role = 'MEMBER' WHERE id = $1", [admin?.membershipId]);
  fixture.auth.evict({ tenantId: other.id });
  expect(await fixture.auth.revalidate(viewer)).toBe(false);
});

test('concurrent verifications share one lookup', async () => {
  const other = await createTenant(fixture);
  const good = await token({ claims: { tid: other.id, sub: other.owner.userId } });
  let statements = 0;
  const { database } = fixture;
  const before = database.onStatement;
  database.onStatement = () => {
    statements++;
  };
  await Promise.all(Array.from({ length: 20 }, () => fixture.auth.verify(good)));
  database.onStatement = before;
  expect(statements).toBe(1);
});
