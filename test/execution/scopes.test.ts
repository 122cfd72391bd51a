import { expect, test } from 'vitest';
import { type Permission, permissionsOf } from '../../src/auth/permissions.ts';
import type { Viewer } from '../../src/auth/viewer.ts';
import { builder } from '../../src/graphql/builder.ts';
import type { GraphQLContext } from '../../src/graphql/context.ts';
import { hasRights, noRights } from '../../src/graphql/execution/rights.ts';

const person: Viewer = {
  tenantId: 'tenant',
  userId: 'user',
  apiKeyId: undefined,
  sessionId: 'session',
  role: 'ADMIN',
  permissions: permissionsOf('ADMIN'),
  expiresAt: undefined,
};

const viewers: Record<string, Viewer | null> = {
  nobody: null,
  'an owner': { ...person, role: 'OWNER', permissions: permissionsOf('OWNER') },
  'an admin': person,
  'a viewer': { ...person, role: 'VIEWER', permissions: permissionsOf('VIEWER') },
  'a person without permissions': { ...person, permissions: new Set() },
  'an API key': { ...person, apiKeyId: 'key', sessionId: undefined, permissions: new Set<Permission>(['agent:read']) },
};

test.each(Object.entries(viewers))('the builder and a plan decide the same for %s', async (_who, viewer) => {
  const scopes = await builder.options.scopeAuth?.authScopes({ viewer } as GraphQLContext);
  if (!scopes) throw new Error('the builder has no scopes');
  expect(hasRights(viewer, { ...noRights(), authenticated: true })).toBe(scopes.authenticated);
  expect(hasRights(viewer, { ...noRights(), person: true })).toBe(scopes.person);
  expect(hasRights(viewer, noRights())).toBe(true);
  for (const permission of permissionsOf('OWNER')) {
    const allowed = await (scopes.permission as (permission: Permission) => boolean)(permission);
    expect(hasRights(viewer, { ...noRights(), permissions: new Set([permission]) })).toBe(allowed);
    expect(hasRights(viewer, { authenticated: true, person: true, permissions: new Set([permission]) })).toBe(
      scopes.authenticated === true && scopes.person === true && allowed,
    );
  }
});
