import { expect, test } from 'vitest';
import { type Permission, permissionsOf } from '../../../../src/platform/auth/permissions.ts';
import type { Viewer } from '../../../../src/platform/auth/viewer.ts';
import type { GraphQLContext } from '../../../../src/platform/graphql/context.ts';
import { noScopes, satisfies } from '../../../../src/platform/graphql/executor/required-scopes.ts';
import { builder } from '../../../../src/platform/graphql/kit/builder.ts';

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
  anonymous: null,
  'an owner': { ...person, role: 'OWNER', permissions: permissionsOf('OWNER') },
  'an admin': person,
  'a viewer': { ...person, role: 'VIEWER', permissions: permissionsOf('VIEWER') },
  'a person without permissions': { ...person, permissions: new Set() },
  'an API key': { ...person, apiKeyId: 'key', sessionId: undefined, permissions: new Set<Permission>(['agent:read']) },
};

test.each(Object.entries(viewers))('the builder and a plan decide the same for %s', async (_name, viewer) => {
  const scopes = await builder.options.scopeAuth?.authScopes({ viewer } as GraphQLContext);
  if (!scopes) throw new Error('the builder has no scopes');
  expect(satisfies(viewer, { ...noScopes(), authenticated: true })).toBe(scopes.authenticated);
  expect(satisfies(viewer, { ...noScopes(), person: true })).toBe(scopes.person);
  expect(satisfies(viewer, noScopes())).toBe(true);
  for (const permission of permissionsOf('OWNER')) {
    const allowed = await (scopes.permission as (permission: Permission) => boolean)(permission);
    expect(satisfies(viewer, { ...noScopes(), permissions: new Set([permission]) })).toBe(allowed);
    expect(satisfies(viewer, { authenticated: true, person: true, permissions: new Set([permission]) })).toBe(
      scopes.authenticated === true && scopes.person === true && allowed,
    );
  }
});
