import { afterAll, beforeAll, expect, test } from 'vitest';
import { updateProfile } from '../../../src/modules/tenancy/accounts/profile.ts';
import { refreshSession } from '../../../src/modules/tenancy/sessions/refresh-session.ts';
import { createTenant as createSecondTenant } from '../../../src/modules/tenancy/tenants/create-tenant.ts';
import { updateTenant } from '../../../src/modules/tenancy/tenants/tenant.ts';
import { type AuthFixture, authFixture, PASSWORD, passwordHash } from '../../platform/auth/fixture.ts';
import { changePassword, signIn } from '../../platform/auth/use-cases.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

let fixture: AuthFixture;

beforeAll(async () => {
  fixture = await authFixture();
});
afterAll(() => fixture.auth.close());

const NEW_PASSWORD = 'another long password';
const signInAs = (email: string, password = PASSWORD) => fixture.as(null, () => signIn(fixture, { email, password }));

test('changePassword ends every other session in every tenant and leaves the current one open', async () => {
  const { owner } = await createTenant(fixture, { passwordHash: await passwordHash });
  const [current, other] = [await signInAs(owner.email), await signInAs(owner.email)];
  const viewer = await fixture.auth.verify(current.accessToken);
  const otherTenant = await fixture.as(viewer, () => createSecondTenant(fixture, viewer, { name: 'Elsewhere' }));
  const change = (currentPassword: string | undefined, newPassword: string) =>
    fixture.as(viewer, () => changePassword(fixture, viewer, { currentPassword, newPassword }));

  await expect(change('wrong horse battery', NEW_PASSWORD)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  await expect(change(undefined, NEW_PASSWORD)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  await expect(change(PASSWORD, 'short')).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
    inputPath: ['input', 'newPassword'],
  });
  await expect(change(PASSWORD, PASSWORD)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  await expect(change(PASSWORD, owner.email)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  await expect(fixture.auth.verify(other.accessToken)).resolves.toBeDefined();

  expect(await change(PASSWORD, NEW_PASSWORD)).toBe(2);
  await expect(fixture.auth.verify(current.accessToken)).resolves.toBeDefined();
  for (const ended of [other, otherTenant]) {
    await expect(fixture.auth.verify(ended.accessToken)).rejects.toThrow('This session has ended. Sign in again.');
    const refreshed = fixture.as(null, () => refreshSession(fixture, ended.refreshToken));
    await expect(refreshed).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  }
  await expect(signInAs(owner.email)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  await expect(signInAs(owner.email, NEW_PASSWORD)).resolves.toBeDefined();
});

test('changePassword requires no current password if the account has none', async () => {
  const tenant = await createTenant(fixture);
  const viewer = asViewer(tenant);
  await expect(signInAs(tenant.owner.email)).rejects.toMatchObject({ code: 'INVALID_CREDENTIALS' });
  await fixture.as(viewer, () => changePassword(fixture, viewer, { newPassword: NEW_PASSWORD }));
  await expect(signInAs(tenant.owner.email, NEW_PASSWORD)).resolves.toBeDefined();
});

test('updateProfile accepts a VIEWER and rejects an API key', async () => {
  const tenant = await createTenant(fixture, { members: ['VIEWER'] });
  const viewer = asViewer(tenant, 'VIEWER');
  const changed = await fixture.as(viewer, () => updateProfile(fixture, viewer, { firstName: 'Grace', lastName: null }));
  expect(changed).toMatchObject({ id: viewer.userId, firstName: 'Grace', lastName: null });
  expect(changed).not.toHaveProperty('passwordHash');
  const key = { ...viewer, apiKeyId: tenant.id };
  await expect(fixture.as(key, () => updateProfile(fixture, key, {}))).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('updateTenant changes the given columns and rejects the slug of another tenant', async () => {
  const [one, two] = [await createTenant(fixture), await createTenant(fixture)];
  const viewer = asViewer(one);
  const change = (changes: Parameters<typeof updateTenant>[2]) =>
    fixture.as(viewer, () => updateTenant(fixture, viewer, changes));
  const changed = await change({ name: 'Renamed', contactEmail: 'hello@example.test', settings: { locale: 'de' } });
  expect(changed).toMatchObject({ id: one.id, name: 'Renamed', slug: one.slug, settings: { locale: 'de' } });
  await expect(change({ slug: two.slug })).rejects.toMatchObject({ code: 'CONFLICT', inputPath: ['input', 'slug'] });
  expect(await change({ slug: `${one.slug}-2`, contactEmail: null })).toMatchObject({
    slug: `${one.slug}-2`,
    contactEmail: null,
  });
});
