import type { MinimumRole, Permission } from '../../platform/auth/permissions.ts';
import { InvalidStateError } from '../../platform/lib/errors.ts';
import { defineModule } from '../../platform/module/define-module.ts';

const permissions = {
  'conversation:read': 'VIEWER',
  'conversation:write': 'MEMBER',
} as const satisfies Record<string, MinimumRole>;

const scopes = {
  'conversations:read': ['conversation:read'],
  'conversations:write': ['conversation:read', 'conversation:write'],
} as const satisfies Record<string, readonly Permission[]>;

declare module '../../platform/module/registry.ts' {
  interface PermissionRegistry extends Record<keyof typeof permissions, unknown> {}
  interface ScopeRegistry extends Record<keyof typeof scopes, unknown> {}
}

export const conversations = defineModule({
  name: 'conversations',
  permissions,
  scopes,
  sqlStates: {
    AB001: (cause) => new InvalidStateError('The conversation has ended and accepts no messages.', { cause }),
  },
  schema: () => import('./schema.ts'),
  mcp: async () => (await import('./mcp-tools/index.ts')).conversationsForMcp,
});
