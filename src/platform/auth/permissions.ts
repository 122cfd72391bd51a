import type { PermissionRegistry, ScopeRegistry } from '../module/registry.ts';

/** A permission that a module has registered. The database stores the same strings in `memberships.permissions`. */
export type Permission = keyof PermissionRegistry;

/** What an API key may be restricted to. A key never has more permissions than its owner has at that moment. */
export type Scope = keyof ScopeRegistry;

export const roles = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const;
export type Role = (typeof roles)[number];

/** The lowest role that has a permission. OWNER and ADMIN have the same permissions; only an OWNER manages owners. */
export type MinimumRole = Exclude<Role, 'OWNER'>;

/** The rank of a role. A member cannot grant, change or remove a role above their own. */
export const roleRank: Record<Role, number> = { VIEWER: 0, MEMBER: 1, ADMIN: 2, OWNER: 3 };

const minimumRoles = new Map<Permission, MinimumRole>();
const scopes = new Map<Scope, readonly Permission[]>();
let permissionsByRole = new Map<Role, readonly Permission[]>();

function requireUnregistered(kind: string, names: string[], registered: ReadonlyMap<string, unknown>): void {
  const duplicate = names.find((name) => registered.has(name));
  if (duplicate !== undefined) throw new Error(`the ${kind} ${duplicate} is registered twice`);
}

/** Adds permissions, each with the lowest role that has it. Throws for a permission that is already registered. */
export function registerPermissions(added: Partial<Record<Permission, MinimumRole>>): void {
  requireUnregistered('permission', Object.keys(added), minimumRoles);
  for (const [name, role] of Object.entries(added)) minimumRoles.set(name as Permission, role);
  permissionsByRole = new Map();
}

/** Adds scopes, each with the permissions it allows. Throws for a scope that is already registered. */
export function registerScopes(added: Partial<Record<Scope, readonly Permission[]>>): void {
  requireUnregistered('scope', Object.keys(added), scopes);
  for (const [name, allowed] of Object.entries(added)) scopes.set(name as Scope, allowed);
}

export function registeredPermissions(): Permission[] {
  return [...minimumRoles.keys()];
}

export function registeredScopes(): Scope[] {
  return [...scopes.keys()];
}

function permissionsOfRole(role: Role): readonly Permission[] {
  let permissions = permissionsByRole.get(role);
  if (!permissions) {
    permissions = registeredPermissions().filter(
      (permission) => roleRank[minimumRoles.get(permission) ?? 'OWNER'] <= roleRank[role],
    );
    permissionsByRole.set(role, permissions);
  }
  return permissions;
}

/** The permissions of a role, and those granted to the member beyond it. A VIEWER never gets a permission that writes. */
export function permissionsOf(role: Role, granted: readonly string[] = []): ReadonlySet<Permission> {
  const extra = registeredPermissions().filter((permission) => granted.includes(permission));
  const allowed = role === 'VIEWER' ? extra.filter((permission: string) => permission.endsWith(':read')) : extra;
  return new Set([...permissionsOfRole(role), ...allowed]);
}

/** The permissions a scope allows. An unknown scope, such as one of another version, allows nothing. */
export function permissionsOfScope(scope: string): readonly Permission[] {
  return (scopes.get(scope as Scope) ?? []).filter((permission) => minimumRoles.has(permission));
}
