/** Every right there is. `domain:verb`; the database holds the same strings in `memberships.permissions`. */
export const permissions = [
  'tenant:read',
  'tenant:manage',
  'member:read',
  'member:manage',
  'apikey:read',
  'apikey:manage',
  'agent:read',
  'agent:configure',
  'agent:execute',
  'agent:approve',
  'mcp:read',
  'mcp:configure',
  'mcp:execute',
  'conversation:read',
  'conversation:write',
  'knowledge:read',
  'knowledge:write',
  'knowledge:configure',
  'audit:read',
] as const;

export type Permission = (typeof permissions)[number];

export const roles = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const;
export type Role = (typeof roles)[number];

/** How far up a role stands. Nobody makes, changes or unmakes a role above their own. */
export const roleRank: Record<Role, number> = { VIEWER: 0, MEMBER: 1, ADMIN: 2, OWNER: 3 };

const viewer: Permission[] = ['tenant:read', 'member:read', 'agent:read', 'conversation:read', 'knowledge:read', 'mcp:read'];
const member: Permission[] = [
  ...viewer,
  'agent:configure',
  'agent:execute',
  'agent:approve',
  'mcp:execute',
  'conversation:write',
  'knowledge:write',
  'knowledge:configure',
  'apikey:read',
];

/** What each role may do. OWNER and ADMIN have the same rights; only an OWNER makes or unmakes owners. */
export const rolePermissions: Record<Role, readonly Permission[]> = {
  VIEWER: viewer,
  MEMBER: member,
  ADMIN: permissions,
  OWNER: permissions,
};

/** What an API key's scope lets it do. A key never has more than its owner has at that moment. */
export const scopePermissions = {
  'tenant:read': ['tenant:read', 'member:read'],
  'agents:read': ['agent:read'],
  'agents:write': ['agent:read', 'agent:configure'],
  'agents:execute': ['agent:read', 'agent:execute', 'conversation:read', 'conversation:write'],
  'agents:approve': ['agent:read', 'agent:approve'],
  'mcp:read': ['mcp:read'],
  'mcp:execute': ['mcp:read', 'mcp:execute'],
  'conversations:read': ['conversation:read'],
  'conversations:write': ['conversation:read', 'conversation:write'],
  'knowledge:read': ['knowledge:read'],
  'knowledge:write': ['knowledge:read', 'knowledge:write'],
  'audit:read': ['audit:read'],
  'apikeys:read': ['apikey:read'],
} as const satisfies Record<string, readonly Permission[]>;

export type Scope = keyof typeof scopePermissions;
export const scopes = Object.keys(scopePermissions) as Scope[];

/** The rights of a role, with what was granted beyond it. A VIEWER never gets a right that writes. */
export function permissionsOf(role: Role, granted: readonly string[] = []): ReadonlySet<Permission> {
  const extra = permissions.filter((permission) => granted.includes(permission));
  const readable = role === 'VIEWER' ? extra.filter((permission) => permission.endsWith(':read')) : extra;
  return new Set([...rolePermissions[role], ...readable]);
}
