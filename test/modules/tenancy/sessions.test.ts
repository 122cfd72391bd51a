import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refreshSession } from '../../../src/modules/tenancy/sessions/refresh-session.ts';
import { type SignedIn, signOut, switchTenant } from '../../../src/modules/tenancy/sessions/sessions.ts';
import { createTenant as createSecondTenant } from '../../../src/modules/tenancy/tenants/create-tenant.ts';
import { AuthenticationError, ConflictError } from '../../../src/platform/lib/errors.ts';
import { type AuthFixture, authFixture, PASSWORD, passwordHash } from '../../platform/auth/fixture.ts';
import { signIn, signUp } from '../../platform/auth/use-cases.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

let fixture: AuthFixture;
let tenant: TestTenant;

beforeAll(async () => {
  fixture = await authFixture();
  tenant = await createTenant(fixture, { members: ['MEMBER', 'VIEWER'], passwordHash: await passwordHash });
});
afterAll(() => fixture.auth.close());

const email = () => `${unique('user')}@example.test`;
const signInAs = (address = tenant.owner.email, wanted?: string) =>
  fixture.as(null, () => signIn(fixture, { email: address, password: PASSWORD, tenant: wanted }));
const refresh = (refreshToken: string) => fixture.as(null, () => refreshSession(fixture, refreshToken));
const verify = (session: SignedIn) => fixture.auth.verify(session.accessToken);
const audited = (tenantId: string) =>
  fixture.db.ownerQuery<{ action: string; status: string; user_id: string | null; resource_id: string; ip: string }>(
    'SELECT action, status, user_id, resource_id, host(ip) AS ip FROM audit_logs WHERE tenant_id = $1 ORDER BY id',
    [tenantId],
  );

describe('signUp', () => {
  test('creates the account, the tenant and its owner, opens a session and writes audit entries', async () => {
    const address = email();
    const input = { email: address, password: PASSWORD, firstName: 'Ada', tenant: { name: 'Ångström & Søn' } };
    const session = await fixture.as(null, () => signUp(fixture, input));
    expect(session.user).toMatchObject({ email: address, firstName: 'Ada' });
    expect(session.user).not.toHaveProperty('passwordHash');
    expect(session.tenant.slug).toMatch(/^angstrom-s-n/);
    expect(await verify(session)).toMatchObject({ tenantId: session.tenant.id, userId: session.user.id, role: 'OWNER' });
    const actions = (await audited(session.tenant.id)).map(({ action }) => action);
    expect(actions).toEqual(['tenant.created', 'user.created', 'membership.created', 'session.created']);
  });

  test('rejects an address that has an account, regardless of case, and writes no row', async () => {
    const before = await fixture.db.ownerQuery('SELECT id FROM tenants');
    const input = { email: tenant.owner.email.toUpperCase(), password: PASSWORD, tenant: { name: 'Second' } };
    await expect(fixture.as(null, () => signUp(fixture, input))).rejects.toBeInstanceOf(ConflictError);
    expect(await fixture.db.ownerQuery('SELECT id FROM tenants')).toHaveLength(before.length);
  });

  test('rejects a given slug that is taken and extends a derived one', async () => {
    const input = { email: email(), password: PASSWORD, tenant: { name: 'Any', slug: tenant.slug } };
    await expect(fixture.as(null, () => signUp(fixture, input))).rejects.toMatchObject({
      code: 'CONFLICT',
      inputPath: ['input', 'slug'],
    });
    const named = { email: email(), password: PASSWORD, tenant: { name: tenant.slug } };
    const session = await fixture.as(null, () => signUp(fixture, named));
    expect(session.tenant.slug).toMatch(new RegExp(`^${tenant.slug}-[0-9a-f]{8}$`));
  });

  test('rejects a short password', async () => {
    const input = { email: email(), password: 'too short', tenant: { name: 'Weak' } };
    await expect(fixture.as(null, () => signUp(fixture, input))).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('signIn', () => {
  test('opens a session regardless of the case of the address', async () => {
    const session = await signInAs(tenant.owner.email.toUpperCase());
    expect(session.tenant.id).toBe(tenant.id);
    expect(session.user.lastLoginAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(await verify(session)).toMatchObject({ userId: tenant.owner.userId, sessionId: session.sessionId });
  });

  test('throws the same error for a wrong password and an unknown address, and audits the wrong password', async () => {
    const attempt = (address: string) =>
      fixture.as(null, () => signIn(fixture, { email: address, password: 'wrong horse battery' }), '198.51.100.7');
    const known = attempt(tenant.owner.email);
    await expect(known).rejects.toBeInstanceOf(AuthenticationError);
    const message = await known.catch((error: Error) => error.message);
    await expect(attempt(email())).rejects.toThrow(message);
    const rejected = (await audited(tenant.id)).filter(({ action }) => action === 'session.refused');
    expect(rejected).toEqual([
      { action: 'session.refused', status: 'FAILURE', user_id: null, resource_id: tenant.owner.userId, ip: '198.51.100.7' },
    ]);
  });

  test('opens the session in the given tenant if the user is a member', async () => {
    const first = await signInAs();
    const viewer = await verify(first);
    const second = await fixture.as(viewer, () => createSecondTenant(fixture, viewer, { name: 'Second home' }));
    expect((await signInAs(tenant.owner.email, second.tenant.slug)).tenant.id).toBe(second.tenant.id);
    expect((await signInAs(tenant.owner.email, second.tenant.id.toUpperCase())).tenant.id).toBe(second.tenant.id);
    expect((await signInAs()).tenant.id).toBe(tenant.id);
    const foreign = await createTenant(fixture);
    await expect(signInAs(tenant.owner.email, foreign.slug)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('rejects a suspended account and an account without an active tenant', async () => {
    const other = await createTenant(fixture, { passwordHash: await passwordHash });
    await fixture.db.ownerQuery("UPDATE tenants SET status = 'SUSPENDED' WHERE id = $1", [other.id]);
    await expect(signInAs(other.owner.email)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await fixture.db.ownerQuery("UPDATE users SET status = 'SUSPENDED' WHERE id = $1", [other.owner.userId]);
    await expect(signInAs(other.owner.email)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });
});

describe('refreshSession', () => {
  test('returns new tokens of the same session', async () => {
    const first = await signInAs();
    const second = await refresh(first.refreshToken);
    const third = await refresh(second.refreshToken);
    expect(new Set([first, second, third].map(({ refreshToken }) => refreshToken)).size).toBe(3);
    expect(third.sessionId).toBe(first.sessionId);
    await expect(verify(third)).resolves.toMatchObject({ userId: tenant.owner.userId });
  });

  test('ends the session and its access tokens when a token is used twice', async () => {
    const first = await signInAs();
    const bystander = await signInAs();
    const second = await refresh(first.refreshToken);
    await expect(refresh(first.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(refresh(second.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(verify(second)).rejects.toThrow('This session has ended. Sign in again.');
    await expect(verify(bystander)).resolves.toBeDefined();
    const rejected = (await audited(tenant.id)).filter(({ action, user_id }) => action === 'session.refused' && user_id);
    expect(rejected.at(-1)).toMatchObject({ status: 'FAILURE', user_id: tenant.owner.userId });
  });

  test('lets one of several concurrent exchanges succeed', async () => {
    const { refreshToken } = await signInAs();
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => refresh(refreshToken)));
    const rejected = results.filter((result) => result.status === 'rejected');
    expect(rejected).toHaveLength(7);
    for (const { reason } of rejected) expect(reason).toMatchObject({ code: 'TOKEN_INVALID' });
    const rows = await fixture.db.ownerQuery(
      `SELECT id FROM refresh_tokens WHERE family = (SELECT family FROM refresh_tokens WHERE token_hash = encode(sha256($1::bytea), 'hex'))`,
      [Buffer.from(refreshToken)],
    );
    expect(rows).toHaveLength(2);
  });

  test('rejects an unknown token, an expired token and the token of a suspended member', async () => {
    await expect(refresh('ab_refresh_nonsense')).rejects.toMatchObject({ code: 'TOKEN_INVALID' });

    const short = await fixture.another({ refreshTokenTtlSeconds: -1 });
    const late = await fixture.as(null, () =>
      signIn({ ...fixture, auth: short }, { email: tenant.owner.email, password: PASSWORD }),
    );
    await expect(refresh(late.refreshToken)).rejects.toThrow('The refresh token has expired. Sign in again.');
    await short.close();

    const member = tenant.members[1];
    const session = await signInAs(member?.email);
    const status = (value: string) =>
      fixture.db.ownerQuery('UPDATE memberships SET status = $1::membership_status WHERE id = $2', [value, member?.membershipId]);
    await status('SUSPENDED');
    await expect(refresh(session.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await status('ACTIVE');
    // The failed refresh ended the session permanently.
    await expect(refresh(session.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(signInAs(member?.email)).resolves.toBeDefined();
  });
});

describe('signOut', () => {
  test('ends the current session immediately, also for a VIEWER, and no other session', async () => {
    const viewerEmail = tenant.members[2]?.email;
    const [one, two] = [await signInAs(viewerEmail), await signInAs(viewerEmail)];
    const viewer = await verify(one);
    expect(viewer.role).toBe('VIEWER');
    expect(await fixture.as(viewer, () => signOut(fixture, viewer, false))).toBe(1);
    await expect(verify(one)).rejects.toThrow('This session has ended. Sign in again.');
    expect(await fixture.auth.revalidate(viewer)).toBe(false);
    await expect(refresh(one.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(verify(two)).resolves.toBeDefined();
  });

  test('with everywhere, ends the sessions of the user in every tenant and of no other user', async () => {
    const here = await signInAs();
    const viewer = await verify(here);
    const there = await fixture.as(viewer, () => createSecondTenant(fixture, viewer, { name: 'Elsewhere' }));
    const bystander = await signInAs(tenant.members[1]?.email);
    expect(await fixture.as(viewer, () => signOut(fixture, viewer, true))).toBeGreaterThanOrEqual(2);
    for (const ended of [here, there]) {
      await expect(verify(ended)).rejects.toThrow('This session has ended. Sign in again.');
      await expect(refresh(ended.refreshToken)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    }
    await expect(refresh(bystander.refreshToken)).resolves.toBeDefined();
  });
});

test('switchTenant opens a session in a tenant of the user and rejects other tenants and API keys', async () => {
  const viewer = await verify(await signInAs());
  const { tenant: other } = await fixture.as(viewer, () => createSecondTenant(fixture, viewer, { name: 'Third home' }));
  const there = await fixture.as(viewer, () => switchTenant(fixture, viewer, other.slug));
  expect(await verify(there)).toMatchObject({ tenantId: other.id, role: 'OWNER' });
  const foreign = await createTenant(fixture);
  await expect(fixture.as(viewer, () => switchTenant(fixture, viewer, foreign.id))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const key = { ...viewer, apiKeyId: viewer.tenantId };
  await expect(fixture.as(key, () => switchTenant(fixture, key, other.slug))).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('createTenant refuses a user who owns as many tenants as one may, also for concurrent calls', async () => {
  const limited: AuthFixture = { ...fixture, tenancyLimits: { tenantsPerUser: 3 } };
  const home = await createTenant(fixture);
  const viewer = asViewer(home);
  // A tenant of another owner does not count.
  const other = await createTenant(fixture);
  await fixture.db.ownerQuery(
    "INSERT INTO memberships (tenant_id, id, user_id, role) VALUES ($1, gen_random_uuid(), $2, 'ADMIN')",
    [other.id, viewer.userId],
  );
  const create = () => fixture.as(viewer, () => createSecondTenant(limited, viewer, { name: 'Another' }));
  const outcomes = await Promise.allSettled([create(), create(), create(), create()]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  await expect(create()).rejects.toMatchObject({ code: 'INVALID_STATE', message: expect.stringContaining('at most 3') });
});

test('signIn sends the same number of statements for a wrong password, an unknown address and an account without a tenant', async () => {
  const known = await createTenant(fixture, { members: ['MEMBER'], passwordHash: await passwordHash });
  const [, leaver] = known.members;
  await fixture.db.ownerQuery('DELETE FROM memberships WHERE id = $1', [leaver?.membershipId]);
  const counts: number[] = [];
  for (const address of [known.owner.email, email(), leaver?.email ?? '']) {
    let statements = 0;
    fixture.database.onStatement = () => statements++;
    const input = { email: address, password: 'wrong horse battery' };
    await expect(fixture.as(null, () => signIn(fixture, input))).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    fixture.database.onStatement = () => {};
    counts.push(statements);
  }
  expect(new Set(counts).size).toBe(1);
});
