import type { GraphQLField, GraphQLObjectType } from 'graphql';
import type { Permission } from '../../auth/permissions.ts';
import type { Viewer } from '../../auth/viewer.ts';
import { scopeRules } from '../scopes.ts';

/** What a viewer needs, all of it, to be let into every field of an operation. */
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

/** Adds what a map of scopes asks for, or more. False where that is not known before the operation runs. */
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
 * Adds what a viewer needs to be let into a field of a type, so that nobody has to ask again at each object. False where that depends on
 * the object, or where the field grants something to those below it.
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

/** Whether a viewer has all of them, by the rules that the builder's scopes follow. */
export function satisfies(viewer: Viewer | null, { authenticated, person, permissions }: RequiredScopes): boolean {
  if (authenticated && !scopeRules.authenticated(viewer)) return false;
  if (person && !scopeRules.person(viewer)) return false;
  for (const permission of permissions) if (!scopeRules.permission(viewer, permission)) return false;
  return true;
}
