import type { GraphQLField, GraphQLObjectType } from 'graphql';
import type { Permission } from '../../auth/permissions.ts';
import type { Viewer } from '../../auth/viewer.ts';
import { scopeRules } from '../scopes.ts';

/** All scopes that a viewer needs to read every field of an operation. */
export interface RequiredScopes {
  authenticated: boolean;
  person: boolean;
  permissions: Set<Permission>;
}

export function noScopes(): RequiredScopes {
  return { authenticated: false, person: false, permissions: new Set() };
}

interface Scoped {
  authScopes?: unknown;
  grantScopes?: unknown;
}

function optionsOf({ extensions }: { extensions: object }): Scoped {
  return (extensions as { pothosOptions?: Scoped }).pothosOptions ?? {};
}

/** Adds the scopes of a map, or stricter ones. Returns false if they are not known before the operation runs. */
function addScopes(rights: RequiredScopes, scopes: unknown): boolean {
  if (scopes === undefined) return true;
  if (typeof scopes !== 'object' || scopes === null) return false;
  const entries = Object.entries(scopes).filter(([name]) => name !== '$granted');
  if (entries.length === 0) return false;
  return entries.every(([name, value]) => {
    if (name === '$any') return addScopes(rights, value);
    if (name === 'permission') rights.permissions.add(value as Permission);
    else if (name === 'authenticated' && value === true) rights.authenticated = true;
    else if (name === 'person' && value === true) rights.person = true;
    else return false;
    return true;
  });
}

/**
 * Adds the scopes of a field of a type, so that they are checked once for all objects. Returns false if they depend on the object, or if
 * the field grants scopes to its nested fields.
 */
export function collectScopes(rights: RequiredScopes, type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): boolean {
  const found = noScopes();
  const places = [type, ...type.getInterfaces(), field].map(optionsOf);
  if (!places.every(({ authScopes, grantScopes }) => grantScopes === undefined && addScopes(found, authScopes))) return false;
  rights.authenticated ||= found.authenticated;
  rights.person ||= found.person;
  for (const permission of found.permissions) rights.permissions.add(permission);
  return true;
}

/** Whether a viewer has all of them, by the rules of the builder's scopes. */
export function satisfies(viewer: Viewer | null, { authenticated, person, permissions }: RequiredScopes): boolean {
  if (authenticated && !scopeRules.authenticated(viewer)) return false;
  if (person && !scopeRules.person(viewer)) return false;
  for (const permission of permissions) if (!scopeRules.permission(viewer, permission)) return false;
  return true;
}
