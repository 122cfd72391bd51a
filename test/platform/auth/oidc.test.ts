import { createServer, type Server } from 'node:http';
import { importJWK, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unlinkIdentity } from '../../../src/modules/tenancy/accounts/profile.ts';
import type { Auth } from '../../../src/platform/auth/auth.ts';
import { generateSigningKey, publicKeyOf } from '../../../src/platform/auth/keyring.ts';
import { UnauthenticatedError, UnavailableError } from '../../../src/platform/lib/errors.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';
import { type AuthFixture, authFixture } from './fixture.ts';
import { linkIdentity } from './use-cases.ts';

let fixture: AuthFixture;
let auth: Auth;
let server: Server;
let issuer: string;
let key: JWK;
let tenant: TestTenant;
let down = false;

const AUDIENCE = 'agentbase-api';

beforeAll(async () => {
  key = await generateSigningKey();
  server = createServer((request, response) => {
    if (down) return response.writeHead(503).end();
    response.setHeader('content-type', 'application/json');
    if (request.url === '/.well-known/openid-configuration') {
      return response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }));
    }
    return response.end(
      JSON.stringify({ keys: [publicKeyOf(key), { kty: 'oct', k: 'c2VjcmV0', kid: 'symmetric', alg: 'HS256' }] }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  fixture = await authFixture({ oidcIssuers: [{ issuer, audience: AUDIENCE }] });
  auth = fixture.auth;
  tenant = await createTenant(fixture, { members: ['MEMBER'] });
});
afterAll(async () => {
  await auth.close();
  server.closeAllConnections();
  server.close();
});

async function token(
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  signedWith = key,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: issuer, aud: AUDIENCE, sub: 'alice', iat: now, exp: now + 3600, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, ...header })
    .sign(await importJWK(signedWith, 'EdDSA'));
}

test('tokens of a linked identity authenticate its user until it is unlinked', async () => {
  const subject = unique('subject');
  await expect(auth.verify(await token({ sub: subject }))).rejects.toThrow('No account is linked to this identity.');
  const owner = asViewer(tenant);
  const { id } = await fixture.as(owner, async () => linkIdentity(fixture, owner, await token({ sub: subject })));
  const viewer = await auth.verify(await token({ sub: subject }));
  expect(viewer).toMatchObject({ tenantId: tenant.id, userId: owner.userId, role: 'OWNER', sessionId: undefined });
  await expect(auth.verify(await token({ sub: subject }, { typ: 'at+jwt' }))).resolves.toBeDefined();

  const member = asViewer(tenant, 'MEMBER');
  const taken = fixture.as(member, async () => linkIdentity(fixture, member, await token({ sub: subject })));
  await expect(taken).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(fixture.as(member, () => unlinkIdentity(fixture, member, id))).rejects.toMatchObject({ code: 'NOT_FOUND' });

  // Without a password, the identity is the only way to sign in.
  await expect(fixture.as(owner, () => unlinkIdentity(fixture, owner, id))).rejects.toMatchObject({ code: 'INVALID_STATE' });
  const { id: second } = await fixture.as(owner, async () => linkIdentity(fixture, owner, await token({ sub: unique('other') })));
  await fixture.as(owner, () => unlinkIdentity(fixture, owner, id));
  await expect(auth.verify(await token({ sub: subject }))).rejects.toThrow('No account is linked to this identity.');
  expect(second).not.toBe(id);
});

test('the tid claim selects a tenant of the user and is rejected for others', async () => {
  const subject = unique('subject');
  const owner = asViewer(tenant);
  await fixture.as(owner, async () => linkIdentity(fixture, owner, await token({ sub: subject })));
  const foreign = await createTenant(fixture);
  await expect(auth.verify(await token({ sub: subject, tid: tenant.id }))).resolves.toMatchObject({ tenantId: tenant.id });
  await expect(auth.verify(await token({ sub: subject, tid: foreign.id }))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(auth.verify(await token({ sub: subject, tid: 'everywhere' }))).rejects.toBeInstanceOf(UnauthenticatedError);
});

test('forged tokens of a trusted issuer are rejected', async () => {
  const now = Math.floor(Date.now() / 1000);
  const forged = [
    token({ aud: 'another-audience' }),
    token({ exp: now - 60, iat: now - 120 }),
    token({ exp: now + 40 * 86_400 }),
    token({ nbf: now + 60 }),
    token({ sub: undefined }),
    token({}, { typ: 'logout+jwt' }),
    token({}, { kid: newId() }),
    token({}, { jku: `${issuer}/keys` }),
    token({}, {}, await generateSigningKey()),
    new SignJWT({ iss: issuer, aud: AUDIENCE, sub: 'alice', iat: now, exp: now + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: 'symmetric' })
      .sign(new TextEncoder().encode('secret')),
  ];
  for (const forgery of forged) await expect(auth.verify(await forgery)).rejects.toBeInstanceOf(UnauthenticatedError);
});

test('linkIdentity rejects an old token and a token of this server', async () => {
  const owner = asViewer(tenant);
  const old = Math.floor(Date.now() / 1000) - 3000;
  const attempts = [token({ sub: unique('old'), iat: old }), token({ iss: fixture.options.issuer }), Promise.resolve('nonsense')];
  for (const attempt of attempts) {
    const linked = fixture.as(owner, async () => linkIdentity(fixture, owner, await attempt));
    await expect(linked).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  }
});

test('an unavailable issuer is distinguished from an invalid token', async () => {
  down = true;
  const other = await fixture.another();
  await expect(other.verify(await token())).rejects.toBeInstanceOf(UnavailableError);
  down = false;
  await expect
    .poll(async () => other.verify(await token()).catch((error: Error) => error.message), { timeout: 5_000, interval: 100 })
    .toBe('No account is linked to this identity.');
  await other.close();
});
