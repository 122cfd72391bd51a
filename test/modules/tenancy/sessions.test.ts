import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refreshSession } from '../../../src/modules/tenancy/refresh-session.ts';
import { type SignedIn, signIn, signOut, switchTenant } from '../../../src/modules/tenancy/sessions.ts';
import { signUp } from '../../../src/modules/tenancy/sign-up.ts';
import { createTenant as foundTenant } from '../../../src/modules/tenancy/tenants.ts';
import { AuthenticationError, ConflictError } from '../../../src/platform/lib/errors.ts';
import { type AuthFixture, authFixture, PASSWORD, passwordHash } from '../../platform/auth/fixture.ts';
import { createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

let fixture: AuthFixture;
let tenant: TestTenant;

beforeAll(async () => {
  fixture = await authFixture();
  tenant = await createTenant(fixture, { members: ['MEMBER', 'VIEWER'], passwordHash: await passwordHash });
});
afterAll(() => fixture.auth.close());

const email = () => `${unique('person')}@example.test`;
const enter = (address = tenant.owner.email, wanted?: string) =>
  fixture.as(null, () => signIn(fixture, { email: address, password: PASSWORD, tenant: wanted }));
const refresh = (refreshToken: string) => fixture.as(null, () => refreshSession(fixture, refreshToken));
const verify = (session: SignedIn) => fixture.auth.verify(session.accessToken);
const audited = (tenantId: string) =>
  fixture.db.ownerQuery<{ action: string; status: string; user_id: string | null; resource_id: string; ip: string }>(
    'SELECT action, status, user_id, resource_id, host(ip) AS ip FROM audit_logs WHERE tenant_id = $1 ORDER BY id',
    [tenantId],
  );

describe('signing up', () => {
  test('makes account, tenant and owner, signs in, and leaves its rows in the log', async () => {
    const address = email();
    const input = { email: address, password: PASSWORD, firstName: 'Ada', tenant: { name: 'Ångström & Søn' } };
    const session = await fixture.as(null, () => signUp(fixture, input));
    expect(session.user).toMatchObject({ email: address, firstName: 'Ada', passwordHash: null });
    expect(session.tenant.slug).toMatch(/^angstrom-s-n/);
    expect(await verify(session)).toMatchObject({ tenantId: session.tenant.id, userId: session.user.id, role: 'OWNER' });
    const actions = (await audited(session.tenant.id)).map(({ action }) => action);
    expect(actions).toEqual(['tenant.created', 'user.created', 'membership.created', 'session.created']);
  });

  test('refuses an address that is taken, in any letters, and writes nothing', async () => {
    const before = await fixture.db.ownerQuery('SELECT id FROM tenants');
    const input = { email: tenant.owner.email.toUpperCase(), password: PASSWORD, tenant: { name: 'Second' } };
    await expect(fixture.as(null, () => signUp(fixture, input))).rejects.toBeInstanceOf(ConflictError);
    expect(await fixture.db.ownerQuery('SELECT id FROM tenants')).toHaveLength(before.length);
  });

  test('refuses a slug that is taken, and finds another for a name that is', async () => {
    const asked = { email: email(), password: PASSWORD, tenant: { name: 'Any', slug: tenant.slug } };
    await expect(fixture.as(null, () => signUp(fixture, asked))).rejects.toMatchObject({
      code: 'CONFLICT',
      inputPath: ['input', 'slug'],
    });
    const named = { email: email(), password: PASSWORD, tenant: { name: tenant.slug } };
    const session = await fixture.as(null, () => signUp(fixture, named));
    expect(session.tenant.slug).toMatch(new RegExp(`^${tenant.slug}-[0-9a-f]{8}$`));
  });

  test('refuses a weak password', async () => {
    const input = { email: email(), password: 'too short', tenant: { name: 'Weak' } };
    await expect(fixture.as(null, () => signUp(fixture, input))).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('signing in', () => {
  test('opens a session with address and password, in any letters of the address', async () => {
    const session = await enter(tenant.owner.email.toUpperCase());
    expect(session.tenant.id).toBe(tenant.id);
    expect(session.user.lastLoginAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(await verify(session)).toMatchObject({ userId: tenant.owner.userId, sessionId: session.sessionId });
  });

  test('says the same for a wrong password and an unknown address, and keeps a row of the first in the log', async () => {
    const attempt = (address: string) =>
      fixture.as(null, () => signIn(fixture, { email: address, password: 'wrong horse battery' }), '198.51.100.7');
    const known = attempt(tenant.owner.email);
    await expect(known).rejects.toBeInstanceOf(AuthenticationError);
    const message = await known.catch((error: Error) => error.message);
    await expect(attempt(email())).rejects.toThrow(message);
    const refused = (await audited(tenant.id)).filter(({ action }) => action === 'session.refused');
    expect(refused).toEqual([
      { action: 'session.refused', status: 'FAILURE', user_id: null, resource_id: tenant.owner.userId, ip: '198.51.100.7' },
    ]);
  });

  test('enters the tenant that is named, if the person is in it', async () => {
    const first = await enter();
    const viewer = await verify(first);
    const second = await fixture.as(viewer, () => foundTenant(fixture, viewer, { name: 'Second home' }));
    expect((await enter(tenant.owner.email, second.tenant.slug)).tenant.id).toBe(second.tenant.id);
    expect((await enter(tenant.owner.email, second.tenant.id.toUpperCase())).tenant.id).toBe(second.tenant.id);
    expect((await enter()).tenant.id).toBe(tenant.id);
    const stranger = await createTenant(fixture);
    await expect(enter(tenant.owner.email, stranger.slug)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('refuses an account that is suspended, and one without a tenant', async () => {
    const other = await createTenant(fixture, { passwordHash: await passwordHash });
    await fixture.db.ownerQuery("UPDATE tenants SET status = 'SUSPENDED' WHERE id = $1", [other.id]);
    await expect(enter(other.owner.email)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await fixture.db.ownerQuery("UPDATE users SET status = 'SUSPENDED' WHERE id = $1", [other.owner.userId]);
    await expect(enter(other.owner.email)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });
});

describe('refreshing', () => {
  test('exchanges each token once, and the session goes on', async () => {
    const first = await enter();
    const second = await refresh(first.refreshToken);
    const third = await refresh(second.refreshToken);
    expect(new Set([first, second, third].map(({ refreshToken }) => refreshToken)).size).toBe(3);
    expect(third.sessionId).toBe(first.sessionId);
    await expect(verify(third)).resolves.toMatchObject({ userId: tenant.owner.userId });
  });

  test('a token that comes again ends the whole session, and its access tokens with it', async () => {
    const first = await enter();
    const bystander = await enter();
    const second = await refresh(first.refreshToken);
    await expect(refresh(first.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(refresh(second.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(verify(second)).rejects.toThrow('This session has ended. Sign in again.');
    await expect(verify(bystander)).resolves.toBeDefined();
    const refused = (await audited(tenant.id)).filter(({ action, user_id }) => action === 'session.refused' && user_id);
    expect(refused.at(-1)).toMatchObject({ status: 'FAILURE', user_id: tenant.owner.userId });
  });

  test('of many exchanges at the same moment one gets through', async () => {
    const { refreshToken } = await enter();
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => refresh(refreshToken)));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(7);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'TOKEN_INVALID' });
    const rows = await fixture.db.ownerQuery(
      `SELECT id FROM refresh_tokens WHERE family = (SELECT family FROM refresh_tokens WHERE token_hash = encode(sha256($1::bytea), 'hex'))`,
      [Buffer.from(refreshToken)],
    );
    expect(rows).toHaveLength(2);
  });

  test('refuses what is unknown, expired, or of somebody who may not get in any more', async () => {
    await expect(refresh('ab_refresh_nonsense')).rejects.toMatchObject({ code: 'TOKEN_INVALID' });

    const short = await fixture.another({ refreshTokenTtlSeconds: -1 });
    const late = await fixture.as(null, () =>
      signIn({ ...fixture, auth: short }, { email: tenant.owner.email, password: PASSWORD }),
    );
    await expect(refresh(late.refreshToken)).rejects.toThrow('The refresh token has expired. Sign in again.');
    await short.close();

    const member = tenant.members[1];
    const session = await enter(member?.email);
    const status = (value: string) =>
      fixture.db.ownerQuery('UPDATE memberships SET status = $1::membership_status WHERE id = $2', [value, member?.membershipId]);
    await status('SUSPENDED');
    await expect(refresh(session.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await status('ACTIVE');
    // The attempt ended the session for good.
    await expect(refresh(session.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(enter(member?.email)).resolves.toBeDefined();
  });
});

describe('signing out', () => {
  test('ends this session at once, also for a VIEWER, and no other', async () => {
    const viewerEmail = tenant.members[2]?.email;
    const [one, two] = [await enter(viewerEmail), await enter(viewerEmail)];
    const viewer = await verify(one);
    expect(viewer.role).toBe('VIEWER');
    expect(await fixture.as(viewer, () => signOut(fixture, viewer, false))).toBe(1);
    await expect(verify(one)).rejects.toThrow('This session has ended. Sign in again.');
    expect(await fixture.auth.revalidate(viewer)).toBe(false);
    await expect(refresh(one.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(verify(two)).resolves.toBeDefined();
  });

  test('everywhere ends the sessions in every tenant, and nobody else their own', async () => {
    const here = await enter();
    const viewer = await verify(here);
    const there = await fixture.as(viewer, () => foundTenant(fixture, viewer, { name: 'Elsewhere' }));
    const bystander = await enter(tenant.members[1]?.email);
    expect(await fixture.as(viewer, () => signOut(fixture, viewer, true))).toBeGreaterThanOrEqual(2);
    for (const ended of [here, there]) {
      await expect(verify(ended)).rejects.toThrow('This session has ended. Sign in again.');
      await expect(refresh(ended.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    }
    await expect(refresh(bystander.refreshToken)).resolves.toBeDefined();
  });
});

test('switching opens a session in another tenant of the person, and in no other', async () => {
  const viewer = await verify(await enter());
  const { tenant: other } = await fixture.as(viewer, () => foundTenant(fixture, viewer, { name: 'Third home' }));
  const there = await fixture.as(viewer, () => switchTenant(fixture, viewer, other.slug));
  expect(await verify(there)).toMatchObject({ tenantId: other.id, role: 'OWNER' });
  const stranger = await createTenant(fixture);
  await expect(fixture.as(viewer, () => switchTenant(fixture, viewer, stranger.id))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const key = { ...viewer, apiKeyId: viewer.tenantId };
  await expect(fixture.as(key, () => switchTenant(fixture, key, other.slug))).rejects.toMatchObject({ code: 'FORBIDDEN' });
});
