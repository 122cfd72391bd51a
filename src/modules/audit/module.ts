import type { MinimumRole, Permission } from '../../platform/auth/permissions.ts';
import { defineModule } from '../../platform/module/define-module.ts';

const permissions = {
  'audit:read': 'ADMIN',
} as const satisfies Record<string, MinimumRole>;

const scopes = {
  'audit:read': ['audit:read'],
} as const satisfies Record<string, readonly Permission[]>;

declare module '../../platform/module/registry.ts' {
  interface PermissionRegistry extends Record<keyof typeof permissions, unknown> {}
  interface ScopeRegistry extends Record<keyof typeof scopes, unknown> {}
}

export const audit = defineModule({
  name: 'audit',
  permissions,
  scopes,
  schema: () => import('./schema.ts'),
});
