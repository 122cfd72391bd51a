import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApiKey } from '../../../src/modules/tenancy/api-keys/manage-api-keys.ts';
import { inviteMember, revokeInvitation } from '../../../src/modules/tenancy/members/manage-invitations.ts';
import { type MemberChanges, removeMember, updateMember } from '../../../src/modules/tenancy/members/manage-members.ts';
import type { Role } from '../../../src/platform/auth/permissions.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { type AuthFixture, authFixture, PASSWORD, passwordHash } from '../../platform/auth/fixture.ts';
import { acceptInvitation } from '../../platform/auth/use-cases.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';

let fixture: AuthFixture;
let tenant: TestTenant;
let owner: Viewer;
let admin: Viewer;

beforeAll(async () => {
  fixture = await authFixture();
  tenant = await createTenant(fixture, { members: ['ADMIN', 'MEMBER', 'VIEWER'], passwordHash: await passwordHash });
  owner = asViewer(tenant);
  admin = asViewer(tenant, 'ADMIN');
});
afterAll(() => fixture.auth.close());

const email = () => `${unique('guest')}@example.test`;
const idOf = (role: Role, of = tenant) => of.members.find((member) => member.role === role)?.membershipId ?? '';
const invite = (viewer: Viewer, address: string, role: Role = 'MEMBER') =>
  fixture.as(viewer, () => inviteMember(fixture, viewer, { email: address, role }));
const accept = (viewer: Viewer | null, token: string, password?: string) =>
  fixture.as(viewer, () => acceptInvitation(fixture, viewer, { token, password, firstName: 'Guest' }));
const update = (viewer: Viewer, id: string, changes: MemberChanges) =>
  fixture.as(viewer, () => updateMember(fixture, viewer, id, changes));
const remove = (viewer: Viewer, id: string) => fixture.as(viewer, () => removeMember(fixture, viewer, id));

describe('invitations', () => {
  test('create an account and a membership for a new address, once', async () => {
    const address = email();
    const { invitation, token } = await invite(admin, address, 'VIEWER');
    expect(invitation).not.toHaveProperty('tokenHash');
    await expect(accept(null, token)).rejects.toMatchObject({ code: 'VALIDATION_FAILED', inputPath: ['input', 'password'] });
    const [first, second] = await Promise.allSettled([accept(null, token, PASSWORD), accept(null, token, PASSWORD)]);
    const outcomes = [first, second].map((outcome) => outcome.status).sort();
    expect(outcomes).toEqual(['fulfilled', 'rejected']);
    const session = first.status === 'fulfilled' ? first.value : second.status === 'fulfilled' ? second.value : undefined;
    expect(session).toMatchObject({ user: { email: address, firstName: 'Guest' }, tenant: { id: tenant.id } });
    expect(await fixture.auth.verify(session?.accessToken ?? '')).toMatchObject({ role: 'VIEWER', tenantId: tenant.id });
    await expect(accept(null, token, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  test('of an existing account require its password or a session of its user', async () => {
    const other = await createTenant(fixture, { members: ['VIEWER'], passwordHash: await passwordHash });
    const { token } = await invite(owner, other.owner.email.toUpperCase());
    await expect(accept(null, token)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    await expect(accept(null, token, 'wrong horse battery')).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    await expect(accept(asViewer(other, 'VIEWER'), token)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    const key = { ...asViewer(other), apiKeyId: other.id };
    await expect(accept(key, token)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
    await expect(accept(asViewer(other), token)).resolves.toMatchObject({ user: { id: other.owner.userId } });

    const viewer = asViewer(other, 'VIEWER');
    const { token: forViewer } = await invite(owner, other.members[1]?.email ?? '');
    await expect(accept(null, forViewer, PASSWORD)).resolves.toMatchObject({ user: { id: viewer.userId } });
  });

  test('are rejected once replaced, revoked, expired, or issued by a suspended tenant', async () => {
    const address = email();
    const { token: first } = await invite(owner, address);
    const { token: second, invitation } = await invite(owner, address);
    await expect(accept(null, first, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await fixture.as(owner, () => revokeInvitation(fixture, owner, invitation.id));
    await expect(accept(null, second, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    const again = fixture.as(owner, () => revokeInvitation(fixture, owner, invitation.id));
    await expect(again).rejects.toMatchObject({ code: 'INVALID_STATE' });

    const late = await invite(owner, email());
    await fixture.db.ownerQuery("UPDATE invitations SET expires_at = now() - interval '1 second' WHERE id = $1", [
      late.invitation.id,
    ]);
    await expect(accept(null, late.token, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });

    const other = await createTenant(fixture);
    const closed = await invite(asViewer(other), email());
    await fixture.db.ownerQuery("UPDATE tenants SET status = 'SUSPENDED' WHERE id = $1", [other.id]);
    await expect(accept(null, closed.token, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    await expect(accept(null, 'ab_invite_nonsense', PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  test('are rejected for an existing member and, from an ADMIN, for the role OWNER', async () => {
    await expect(invite(owner, tenant.owner.email)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(invite(owner, tenant.owner.email.toUpperCase())).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(invite(admin, email(), 'OWNER')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(invite(owner, email(), 'OWNER')).resolves.toBeDefined();
  });

  test('of another tenant return NOT_FOUND', async () => {
    const other = asViewer(await createTenant(fixture));
    const { invitation } = await invite(owner, email());
    const foreign = fixture.as(other, () => revokeInvitation(fixture, other, invitation.id));
    await expect(foreign).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('an open invitation', () => {
  async function invitedBy(role: Role, to: Role) {
    const other = await createTenant(fixture, { members: ['OWNER', 'ADMIN', 'MEMBER'] });
    const inviter = other.members.findLast((member) => member.role === role);
    const viewer = { ...asViewer(other, role), userId: inviter?.userId };
    const { token, invitation } = await invite(viewer, email(), to);
    const revoked = async () =>
      (await fixture.db.ownerQuery('SELECT revoked_at FROM invitations WHERE id = $1', [invitation.id]))[0]?.revoked_at !== null;
    return { other, token, id: inviter?.membershipId ?? '', revoked };
  }

  test.each<[string, Role, Role, MemberChanges | undefined]>([
    ['is removed', 'OWNER', 'OWNER', undefined],
    ['is removed', 'ADMIN', 'MEMBER', undefined],
    ['is demoted below its role', 'OWNER', 'OWNER', { role: 'ADMIN' }],
    ['loses the permission to invite', 'ADMIN', 'VIEWER', { role: 'MEMBER' }],
    ['is suspended', 'ADMIN', 'MEMBER', { status: 'SUSPENDED' }],
  ])('is revoked when the inviter %s (%s, to %s)', async (_event, role, to, changes) => {
    const { other, token, id, revoked } = await invitedBy(role, to);
    const owner = asViewer(other);
    await (changes ? update(owner, id, changes) : remove(owner, id));
    expect(await revoked()).toBe(true);
    await expect(accept(null, token, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    // The right that returns later does not revive it.
    if (changes) await update(owner, id, { role, status: 'ACTIVE' });
    await expect(accept(null, token, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });

  test('stays valid while the inviter may still make it', async () => {
    const { other, token, id, revoked } = await invitedBy('OWNER', 'ADMIN');
    await update(asViewer(other), id, { role: 'ADMIN' });
    expect(await revoked()).toBe(false);
    await expect(accept(null, token, PASSWORD)).resolves.toMatchObject({ tenant: { id: other.id } });
  });

  test.each([
    ["UPDATE memberships SET role = 'ADMIN' WHERE id = $1"],
    ["UPDATE memberships SET status = 'SUSPENDED' WHERE id = $1"],
    ['DELETE FROM memberships WHERE id = $1'],
    ["UPDATE users SET status = 'SUSPENDED' WHERE id = (SELECT user_id FROM memberships WHERE id = $1)"],
  ])('is checked again on acceptance, and refused after %s', async (change) => {
    const { other, token, id } = await invitedBy('OWNER', 'OWNER');
    await fixture.db.ownerQuery(change, [id]);
    await expect(accept(null, token, PASSWORD)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    const [{ owners } = { owners: 0 }] = await fixture.db.ownerQuery<{ owners: number }>(
      'SELECT count(*)::integer AS owners FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND u.email LIKE $2',
      [other.id, 'guest-%'],
    );
    expect(owners).toBe(0);
  });
});

describe('updateMember', () => {
  test('lets an ADMIN change members, but not change or create an OWNER', async () => {
    await expect(update(admin, idOf('MEMBER'), { permissions: ['audit:read'] })).resolves.toMatchObject({
      permissions: ['audit:read'],
    });
    await expect(update(admin, idOf('OWNER'), { role: 'MEMBER' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(update(admin, idOf('MEMBER'), { role: 'OWNER' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(remove(admin, idOf('OWNER'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('rejects raising or suspending oneself', async () => {
    await expect(update(admin, idOf('ADMIN'), { role: 'OWNER' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(update(admin, idOf('ADMIN'), { permissions: ['audit:read'] })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(update(admin, idOf('ADMIN'), { status: 'SUSPENDED' })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  test('rejects permissions that the viewer lacks, and write permissions for a VIEWER', async () => {
    const limited: Viewer = { ...admin, permissions: new Set(['member:manage'] as const) };
    await expect(update(limited, idOf('MEMBER'), { permissions: ['apikey:manage'] })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    const writing = update(owner, idOf('VIEWER'), { permissions: ['agent:configure'] });
    await expect(writing).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  test('rejects demoting or removing the last owner', async () => {
    await expect(update(owner, idOf('OWNER'), { role: 'ADMIN' })).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(remove(owner, idOf('OWNER'))).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  test('returns NOT_FOUND for members of another tenant', async () => {
    const other = asViewer(await createTenant(fixture));
    await expect(update(other, idOf('MEMBER'), { role: 'ADMIN' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(remove(other, idOf('MEMBER'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('takes effect with the next request', async () => {
    const other = await createTenant(fixture, { members: ['MEMBER'], passwordHash: await passwordHash });
    const member = other.members[1];
    const { accessToken } = await fixture.database.transactionAs({ tenantId: other.id, userId: member?.userId }, () =>
      fixture.auth.issueSession({ userId: member?.userId ?? '', tenantId: other.id, role: 'MEMBER' }),
    );
    expect((await fixture.auth.verify(accessToken)).role).toBe('MEMBER');
    await update(asViewer(other), member?.membershipId ?? '', { role: 'VIEWER' });
    expect((await fixture.auth.verify(accessToken)).role).toBe('VIEWER');
    await update(asViewer(other), member?.membershipId ?? '', { status: 'SUSPENDED' });
    await expect(fixture.auth.verify(accessToken)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

test('the refusal of a suspended member is read once for many requests, and forgotten when the member is active again', async () => {
  const other = await createTenant(fixture, { members: ['MEMBER'], passwordHash: await passwordHash });
  const [, member] = other.members;
  const id = member?.membershipId ?? '';
  const session = { userId: member?.userId ?? '', tenantId: other.id, role: 'MEMBER' as const };
  const { accessToken } = await fixture.database.transactionAs({ tenantId: other.id, userId: session.userId }, () =>
    fixture.auth.issueSession(session),
  );
  await update(asViewer(other), id, { status: 'SUSPENDED' });
  const statements: string[] = [];
  fixture.database.onStatement = (text) => statements.push(text);
  for (let count = 0; count < 20; count++) {
    await expect(fixture.auth.verify(accessToken)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  }
  fixture.database.onStatement = () => {};
  expect(statements).toHaveLength(1);
  await update(asViewer(other), id, { status: 'ACTIVE' });
  expect(await fixture.auth.verify(accessToken)).toMatchObject({ role: 'MEMBER' });
});

describe('removeMember', () => {
  test('lets a VIEWER remove themselves but no other member, and rejects API keys', async () => {
    const viewer = asViewer(tenant, 'VIEWER');
    await expect(remove(viewer, idOf('MEMBER'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(remove(viewer, idOf('VIEWER'))).resolves.toMatchObject({ userId: viewer.userId });
    await expect(remove({ ...admin, apiKeyId: tenant.id }, idOf('MEMBER'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('revokes the API keys of the removed member', async () => {
    const other = await createTenant(fixture, { members: ['ADMIN'] });
    const removed = asViewer(other, 'ADMIN');
    const { secret } = await fixture.as(removed, () => createApiKey(fixture, removed, { name: 'Key', scopes: ['agents:read'] }));
    await fixture.auth.verify(secret);
    await remove(asViewer(other), idOf('ADMIN', other));
    await expect(fixture.auth.verify(secret)).rejects.toThrow('The API key has been revoked.');
  });
});
