import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApiKey, revokeApiKey } from '../../../src/modules/tenancy/api-keys/manage-api-keys.ts';
import { isWellFormedApiKey, newApiKeySecret } from '../../../src/platform/auth/api-key-secret.ts';
import { type Permission, permissionsOf, type Scope } from '../../../src/platform/auth/permissions.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { ForbiddenError, UnauthenticatedError } from '../../../src/platform/lib/errors.ts';
import { asViewer, createTenant, type TestTenant } from '../../testkit/tenants.ts';
import { type AuthFixture, authFixture } from './fixture.ts';

let fixture: AuthFixture;
let tenant: TestTenant;
let owner: Viewer;

beforeAll(async () => {
  fixture = await authFixture();
});
beforeAll(async () => {
  tenant = await createTenant(fixture, { members: ['ADMIN', 'MEMBER'] });
  owner = asViewer(tenant);
});
afterAll(() => fixture.auth.close());

function createKey(scopes: Scope[], options: { viewer?: Viewer; expiresAt?: Date } = {}) {
  const viewer = options.viewer ?? owner;
  return fixture.as(viewer, () => createApiKey(fixture, viewer, { name: 'Key', scopes, expiresAt: options.expiresAt }));
}

const sorted = (permissions: ReadonlySet<Permission>) => [...permissions].sort();

test('a key authenticates its owner with the permissions of its scopes', async () => {
  const { secret, apiKey } = await createKey(['agents:execute', 'audit:read']);
  const viewer = await fixture.auth.verify(secret);
  expect(viewer).toMatchObject({
    tenantId: tenant.id,
    userId: owner.userId,
    apiKeyId: apiKey.id,
    role: 'OWNER',
    expiresAt: undefined,
  });
  expect(sorted(viewer.permissions)).toEqual([
    'agent:execute',
    'agent:read',
    'audit:read',
    'conversation:read',
    'conversation:write',
  ]);
  expect(secret.startsWith(apiKey.keyPrefix)).toBe(true);
  expect(apiKey.keyPrefix).toHaveLength(12);
});

test('a typo is rejected without a database query', async () => {
  const { secret } = await createKey(['agents:read']);
  let statements = 0;
  const before = fixture.database.onStatement;
  fixture.database.onStatement = () => {
    statements++;
  };
  const typos = [
    secret.slice(0, -1),
    `${secret}a`,
    secret.replace(/.$/, (end) => (end === 'a' ? 'b' : 'a')),
    secret.replace(/^(ab_live_)(.)/, (_all, start, first) => start + (first === 'a' ? 'b' : 'a')),
    secret.toUpperCase().replace('AB_LIVE_', 'ab_live_'),
    'ab_live_',
    `ab_live_${'a'.repeat(38)}`,
    `ab_live_${"' OR '1'='1".padEnd(38, '-')}`,
  ];
  for (const typo of typos) {
    const rejection = fixture.auth.verify(typo);
    await expect(rejection).rejects.toBeInstanceOf(UnauthenticatedError);
    await expect(rejection).rejects.toThrow('The API key is not valid.');
  }
  fixture.database.onStatement = before;
  expect(statements).toBe(0);
});

test('a well-formed unknown key and a key hashed with another pepper are rejected', async () => {
  const { secret } = newApiKeySecret();
  expect(isWellFormedApiKey(secret)).toBe(true);
  await expect(fixture.auth.verify(secret)).rejects.toThrow('The API key is not valid.');
  const created = await createKey(['agents:read']);
  const other = await fixture.another({ apiKeyPepper: 'another pepper' });
  await expect(other.verify(created.secret)).rejects.toThrow('The API key is not valid.');
  await other.close();
});

test('a revoked key is rejected immediately in this process and within seconds in others', async () => {
  const { secret, apiKey } = await createKey(['agents:read']);
  const other = await fixture.another();
  const viewer = await fixture.auth.verify(secret);
  await other.verify(secret);
  expect(await other.revalidate(viewer)).toBe(true);
  await fixture.as(owner, () => revokeApiKey(fixture, owner, apiKey.id));
  await expect(fixture.auth.verify(secret)).rejects.toThrow('The API key has been revoked.');
  expect(await fixture.auth.revalidate(viewer)).toBe(false);
  await expect.poll(() => other.revalidate(viewer), { timeout: 2_000, interval: 50 }).toBe(false);
  await expect
    .poll(() => other.verify(secret).catch((error: Error) => error.message), { timeout: 4_000, interval: 100 })
    .toBe('The API key has been revoked.');
  await other.close();
  await expect(fixture.as(owner, () => revokeApiKey(fixture, owner, apiKey.id))).rejects.toMatchObject({ code: 'INVALID_STATE' });
});

test('an expired key is rejected immediately, cached or not', async () => {
  const { secret } = await createKey(['agents:read'], { expiresAt: new Date(Date.now() + 400) });
  const viewer = await fixture.auth.verify(secret);
  expect(viewer.expiresAt).toBeInstanceOf(Date);
  await expect
    .poll(() => fixture.auth.verify(secret).catch((error: Error) => error.message), { timeout: 2_000, interval: 50 })
    .toBe('The API key has expired.');
  expect(await fixture.auth.revalidate(viewer)).toBe(false);
});

describe('the permissions of a key follow its owner:', () => {
  test('a demoted owner', async () => {
    const other = await createTenant(fixture, { members: ['ADMIN'] });
    const admin = asViewer(other, 'ADMIN');
    const { secret } = await createKey(['agents:write', 'audit:read'], { viewer: admin });
    expect((await fixture.auth.verify(secret)).permissions.has('audit:read')).toBe(true);
    await fixture.db.ownerQuery("UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1", [admin.userId]);
    fixture.auth.evict({ userId: admin.userId });
    expect(sorted((await fixture.auth.verify(secret)).permissions)).toEqual(['agent:read']);
  });

  test.each([
    [
      'a suspended membership',
      "UPDATE memberships SET status = 'SUSPENDED' WHERE tenant_id = $1 AND user_id = $2",
      ForbiddenError,
    ],
    ['a removed membership', 'DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2', ForbiddenError],
    ['a suspended account', "UPDATE users SET status = 'SUSPENDED' WHERE $1::uuid IS NOT NULL AND id = $2", ForbiddenError],
    ['a deleted account', 'DELETE FROM users WHERE $1::uuid IS NOT NULL AND id = $2', ForbiddenError],
    ['a suspended tenant', "UPDATE tenants SET status = 'SUSPENDED' WHERE id = $1 AND $2::uuid IS NOT NULL", ForbiddenError],
  ])('%s', async (_name, change, error) => {
    const other = await createTenant(fixture, { members: ['ADMIN'] });
    const admin = asViewer(other, 'ADMIN');
    const { secret } = await createKey(['agents:read'], { viewer: admin });
    const viewer = await fixture.auth.verify(secret);
    await fixture.db.ownerQuery(change, [other.id, admin.userId]);
    fixture.auth.evict({ tenantId: other.id });
    await expect(fixture.auth.verify(secret)).rejects.toBeInstanceOf(error);
    expect(await fixture.auth.revalidate(viewer)).toBe(false);
  });
});

test('createApiKey rejects scopes beyond the permissions of the viewer', async () => {
  const member = { ...asViewer(tenant, 'MEMBER'), permissions: permissionsOf('MEMBER', ['apikey:manage']) };
  await expect(createKey(['audit:read'], { viewer: member })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(createKey(['conversations:write'], { viewer: member })).resolves.toBeDefined();
  await expect(createKey([])).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  await expect(createKey(['agents:read'], { expiresAt: new Date(Date.now() - 1) })).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
  });
});

test('createApiKey rejects an API key as viewer', async () => {
  const { secret } = await createKey(['agents:write']);
  const viewer = await fixture.auth.verify(secret);
  await expect(createKey(['agents:read'], { viewer })).rejects.toBeInstanceOf(ForbiddenError);
});

test('usage is counted in batches and written on close', async () => {
  const { secret, apiKey } = await createKey(['agents:read']);
  const other = await fixture.another();
  await Promise.all([1, 2, 3].map(() => fixture.auth.verify(secret)));
  await other.verify(secret);
  const used = async () => {
    const [row] = await fixture.db.ownerQuery<{ usage_count: string; last_used_at: Date | null }>(
      'SELECT usage_count, last_used_at FROM api_keys WHERE id = $1',
      [apiKey.id],
    );
    return row;
  };
  expect(await used()).toMatchObject({ usage_count: '0', last_used_at: null });
  await fixture.auth.flush();
  await other.close();
  const row = await used();
  expect(Number(row?.usage_count)).toBe(4);
  expect((row?.last_used_at?.getTime() ?? 1) % 60_000).toBe(0);
});
