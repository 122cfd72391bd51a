import { ForbiddenError } from '../lib/errors.ts';
import { type Permission, permissionsOf, type Role, roleRank } from './permissions.ts';

/** Somebody with rights: the viewer of a request, a member, or the owner of a credential. */
export interface RightsHolder {
  role: Role;
  permissions: ReadonlySet<Permission>;
}

/** Rights that an act hands on, takes away, or lets an object use on somebody's behalf. */
export interface Rights {
  /** A role stands for its rank and its permissions. */
  role?: Role | undefined;
  permissions?: Iterable<string> | undefined;
}

/**
 * The first of the rights that the holder does not have. Rights are transitive: every act that hands rights on, takes them away, or makes
 * an object use them asks this function, so that nobody obtains by such an act what they could not do themselves.
 */
export function missingRight(holder: RightsHolder, { role, permissions = [] }: Rights): string | undefined {
  if (role !== undefined && roleRank[role] > roleRank[holder.role]) return `the role ${role}`;
  const all = new Set([...(role === undefined ? [] : permissionsOf(role)), ...permissions]);
  const missing = [...all].find((permission) => !holder.permissions.has(permission as Permission));
  return missing === undefined ? undefined : `the permission ${missing}`;
}

/**
 * Throws ForbiddenError unless the holder has all of the rights.
 * @param act completes the sentence "You cannot …", such as `revoke this key`
 */
export function requireRights(holder: RightsHolder, rights: Rights, act: string): void {
  const missing = missingRight(holder, rights);
  if (missing) throw new ForbiddenError(`You cannot ${act}: that takes ${missing}, which you do not have.`);
}
