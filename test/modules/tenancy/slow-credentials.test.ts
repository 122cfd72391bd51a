import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { importJWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { generateSigningKey, publicKeyOf } from '../../../src/platform/auth/keyring.ts';
import { hashPassword, passwordSlots } from '../../../src/platform/auth/passwords.ts';
import { authFixture, PASSWORD, passwordHash } from '../../platform/auth/fixture.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

let graph: TestGraph;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph, { passwordHash: await passwordHash });
});

/** Occupies every slot of password hashes until the returned function is called. */
function occupySlots(): () => void {
  const released = Promise.withResolvers<void>();
  const before = passwordSlots.waiting;
  for (let slot = 0; slot < 8 && passwordSlots.waiting === before; slot++) void passwordSlots.run(() => released.promise);
  onTestFinished(() => released.resolve());
  return () => released.resolve();
}

const PROFILE = 'mutation ($name: String!) { result: updateProfile(input: { firstName: $name }) { __typename } }';
const resultOf = async (viewer: Parameters<TestGraph['execute']>[0], source: string, variables: Record<string, unknown>) => {
  const { data, messages } = await graph.execute(viewer, source, variables);
  expect(messages).toEqual([]);
  return (data as { result: { __typename: string } }).result.__typename;
};
const otherMutation = () => resultOf(asViewer(tenant), PROFILE, { name: unique('name') });

async function invitation(): Promise<string> {
  const invite =
    'mutation ($email: String!) { result: inviteMember(input: { email: $email }) { ... on InviteMemberPayload { token } } }';
  const { data } = await graph.execute(asViewer(tenant), invite, { email: `${unique('guest')}@example.test` });
  return (data as { result: { token: string } }).result.token;
}

describe('while passwords wait for their hash, no connection waits with them, and other mutations succeed', () => {
  const email = () => `${unique('new')}@example.test`;
  test.each([
    ['signIn', () => ({ email: tenant.owner.email, password: PASSWORD })],
    ['signUp', () => ({ email: email(), password: PASSWORD, tenantName: 'Waits' })],
    ['acceptInvitation', async () => ({ token: await invitation(), password: PASSWORD })],
    ['changePassword', () => ({ currentPassword: PASSWORD, newPassword: `${PASSWORD} again` })],
  ])('%s', async (name, inputOf) => {
    const input = await inputOf();
    const viewer = name === 'changePassword' ? asViewer(tenant) : null;
    const type = name.charAt(0).toUpperCase() + name.slice(1);
    const source = `mutation ($input: ${type}Input!) { result: ${name}(input: $input) { __typename } }`;
    const release = occupySlots();
    const waiting = passwordSlots.waiting;
    const pending = resultOf(viewer, source, { input });
    await vi.waitFor(() => expect(passwordSlots.waiting).toBe(waiting + 1), { timeout: 15_000 });
    expect(await otherMutation()).toBe('UpdateProfilePayload');
    release();
    expect(await pending).toBe(`${type}Payload`);
  });
});

test('beyond a hundred waiting passwords a sign-in is refused with UNAVAILABLE and does not count as a failure', async () => {
  const release = occupySlots();
  const queued = Array.from({ length: 100 - passwordSlots.waiting }, () => hashPassword(PASSWORD));
  const source = 'mutation ($input: SignInInput!) { result: signIn(input: $input) { __typename } }';
  const input = { email: `${unique('nobody')}@example.test`, password: PASSWORD };
  // More attempts than the limit of failures of one account allows.
  for (let attempt = 0; attempt < 15; attempt++) {
    expect((await graph.execute(null, source, { input })).codes).toEqual(['UNAVAILABLE']);
  }
  release();
  await Promise.all(queued);
  expect(await resultOf(null, source, { input })).toBe('AuthenticationError');
});

test('a password that changes between comparison and transaction does not open a session', async () => {
  const { comparePassword } = await import('../../../src/modules/tenancy/accounts/credentials.ts');
  const { signIn } = await import('../../../src/modules/tenancy/sessions/sessions.ts');
  const fixture = await authFixture();
  onTestFinished(() => fixture.auth.close());
  const account = await createTenant(graph, { passwordHash: await passwordHash });
  const compared = await comparePassword(fixture, { email: account.owner.email, password: PASSWORD });
  expect(compared.matches).toBe(true);
  await graph.ownerQuery('UPDATE users SET password_hash = $2 WHERE id = $1', [
    account.owner.userId,
    await hashPassword(`${PASSWORD} of somebody else`),
  ]);
  const opened = fixture.as(null, () => signIn(fixture, compared));
  await expect(opened).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
});

test('while linkIdentity fetches the keys of an issuer, other mutations succeed', async () => {
  const key = await generateSigningKey();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const server = createServer(async (_request, response) => {
    asked.resolve();
    await answer.promise;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [publicKeyOf(key)] }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    answer.resolve();
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fixture = await authFixture({ oidcIssuers: [{ issuer, audience: 'here', jwksUri: `${issuer}/keys` }] });
  onTestFinished(() => fixture.auth.close());
  const now = Math.floor(Date.now() / 1000);
  const idToken = await new SignJWT({ iss: issuer, aud: 'here', sub: unique('subject'), iat: now, exp: now + 600 })
    .setProtectedHeader({ alg: 'EdDSA', kid: key.kid })
    .sign(await importJWK(key, 'EdDSA'));

  const { auth } = graph.services;
  vi.spyOn(auth, 'verifyExternal').mockImplementation((token) => fixture.auth.verifyExternal(token));
  onTestFinished(() => void vi.restoreAllMocks());
  const source = 'mutation ($idToken: String!) { result: linkIdentity(input: { idToken: $idToken }) { __typename } }';
  const pending = resultOf(asViewer(tenant), source, { idToken });
  await asked.promise;
  expect(await otherMutation()).toBe('UpdateProfilePayload');
  answer.resolve();
  expect(await pending).toBe('LinkIdentityPayload');
});
