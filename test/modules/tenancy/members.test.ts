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
