import type { MinimumRole, Permission } from '../../platform/auth/permissions.ts';
import { defineModule } from '../../platform/module/define-module.ts';

const permissions = {
  'agent:read': 'VIEWER',
  'agent:configure': 'MEMBER',
} as const satisfies Record<string, MinimumRole>;

const scopes = {
  'agents:read': ['agent:read'],
  'agents:write': ['agent:read', 'agent:configure'],
} as const satisfies Record<string, readonly Permission[]>;

declare module '../../platform/module/registry.ts' {
  interface PermissionRegistry extends Record<keyof typeof permissions, unknown> {}
  interface ScopeRegistry extends Record<keyof typeof scopes, unknown> {}
}

export const agents = defineModule({
  name: 'agents',
  permissions,
  scopes,
  schema: () => import('./schema.ts'),
  mcp: async () => (await import('./mcp-tools/index.ts')).agentsForMcp,
});
