import { ForbiddenError } from '../lib/errors.ts';
import { type Permission, permissionsOf, type Role, roleRank } from './permissions.ts';

/** A holder of rights: the viewer of a request, a member, or the owner of a credential. */
export interface RightsHolder {
  role: Role;
  permissions: ReadonlySet<Permission>;
}

/** Rights that an action grants, revokes, or delegates to an object such as an agent. */
export interface Rights {
  /** A role stands for its rank and its permissions. */
  role?: Role | undefined;
  permissions?: Iterable<string> | undefined;
}

/**
 * The first of the rights that the holder does not have. Every action that grants, revokes or delegates rights calls this
 * function, so that no caller gains through such an action a right that they lack.
 */
export function missingRight(holder: RightsHolder, { role, permissions = [] }: Rights): string | undefined {
  if (role !== undefined && roleRank[role] > roleRank[holder.role]) return `the role ${role}`;
  const all = new Set([...(role === undefined ? [] : permissionsOf(role)), ...permissions]);
  const missing = [...all].find((permission) => !holder.permissions.has(permission as Permission));
  return missing === undefined ? undefined : `the permission ${missing}`;
}

/**
 * Throws ForbiddenError unless the holder has all of the rights.
 * @param action completes the sentence "You cannot …", such as `revoke this key`
 */
export function requireRights(holder: RightsHolder, rights: Rights, action: string): void {
  const missing = missingRight(holder, rights);
  if (missing) throw new ForbiddenError(`You cannot ${action}: that requires ${missing}, which you do not have.`);
}
