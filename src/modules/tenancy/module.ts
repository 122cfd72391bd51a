import type { MinimumRole, Permission } from '../../platform/auth/permissions.ts';
import { ForbiddenError, InvalidStateError } from '../../platform/lib/errors.ts';
import { defineModule } from '../../platform/module/define-module.ts';
import type { TenancyLimits } from './services.ts';

const permissions = {
  'tenant:read': 'VIEWER',
  'tenant:manage': 'ADMIN',
  'member:read': 'VIEWER',
  'member:manage': 'ADMIN',
  'apikey:read': 'MEMBER',
  'apikey:manage': 'ADMIN',
} as const satisfies Record<string, MinimumRole>;

const scopes = {
  'tenant:read': ['tenant:read', 'member:read'],
  'apikeys:read': ['apikey:read'],
} as const satisfies Record<string, readonly Permission[]>;

declare module '../../platform/module/registry.ts' {
  interface PermissionRegistry extends Record<keyof typeof permissions, unknown> {}
  interface ScopeRegistry extends Record<keyof typeof scopes, unknown> {}
  interface ModuleServices {
    tenancyLimits: TenancyLimits;
  }
}

export const tenancy = defineModule({
  name: 'tenancy',
  permissions,
  scopes,
  sqlStates: {
    // The membership ended after the request was authenticated, as recently as the cache of credentials allows.
    AB004: () => new ForbiddenError('Users who are not members of this tenant cannot be referred to in it.'),
    AB002: (cause) => new InvalidStateError('A tenant needs at least one active owner.', { cause }),
  },
  schema: () => import('./schema.ts'),
  services: ({ env }) => ({ tenancyLimits: { tenantsPerUser: env.MAX_TENANTS_PER_USER } }),
});
