import type { MinimumRole, Permission } from '../../platform/auth/permissions.ts';
import { defineModule } from '../../platform/module/define-module.ts';

const permissions = {
  'mcp:read': 'VIEWER',
  'mcp:configure': 'ADMIN',
  'mcp:execute': 'MEMBER',
} as const satisfies Record<string, MinimumRole>;

const scopes = {
  'mcp:read': ['mcp:read'],
  'mcp:execute': ['mcp:read', 'mcp:execute'],
} as const satisfies Record<string, readonly Permission[]>;

declare module '../../platform/module/registry.ts' {
  interface PermissionRegistry extends Record<keyof typeof permissions, unknown> {}
  interface ScopeRegistry extends Record<keyof typeof scopes, unknown> {}
}

export const toolServers = defineModule({
  name: 'tool-servers',
  permissions,
  scopes,
  schema: () => import('./schema.ts'),
});
