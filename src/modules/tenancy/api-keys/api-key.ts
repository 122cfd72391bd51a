import type { ApiKeyStatus } from '../../../generated/prisma/enums.ts';
import { registeredScopes, type Scope } from '../../../platform/auth/permissions.ts';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { prismaEnum } from '../../../platform/graphql/kit/enums.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { User } from '../accounts/user.ts';
import { ScopeEnum } from '../enums.ts';

export type ApiKey = RowOf<'ApiKey'>;
export const ApiKey = entity('ApiKey', {
  table: 'api_keys',
  access: 'apikey:read',
  write: 'apikey:manage',
  noun: 'API key',
  // A key may read itself through `viewer`.
  authScopes: { $any: { permission: 'apikey:read', $granted: 'self' } },
  columns: ['name', 'keyPrefix', 'expiresAt', 'revokedAt', 'lastUsedAt', 'usageCount', 'metadata'],
  references: {
    owner: { to: User, column: 'userId', description: 'User who created the key. Null if the user has left the tenant.' },
  },
  fields: (t) => ({
    scopes: t.field({
      type: [ScopeEnum],
      description: "Scopes that restrict the key. Its permissions are the scopes' permissions that its owner has too.",
      resolve: (key) => (key.scopes as Scope[]).filter((scope) => registeredScopes().includes(scope)),
    }),
    status: t.field({
      type: prismaEnum('ApiKeyStatus'),
      description: 'State of the key. EXPIRED once `expiresAt` has passed.',
      extensions: dependsOn('status', 'expiresAt'),
      resolve: ({ status, expiresAt }) =>
        status === 'ACTIVE' && expiresAt && expiresAt.getTime() <= Date.now() ? 'EXPIRED' : status,
    }),
  }),
  list: {
    orders: ['-createdAt', 'createdAt', 'name'],
    filter: (f) => ({
      status: f.where<readonly ApiKeyStatus[]>(
        [prismaEnum('ApiKeyStatus')],
        'API keys in one of these states.',
        (statuses) =>
          sql`CASE WHEN api_keys.status = 'ACTIVE' AND api_keys.expires_at <= now() THEN 'EXPIRED' ELSE api_keys.status::text END
            = ANY (${statuses}::text[])`,
      ),
      ownerId: f.refersTo('userId', 'User'),
    }),
  },
  root: { many: 'apiKeys' },
});
