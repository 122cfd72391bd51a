import { ApiKeyStatus } from '../../../generated/prisma/enums.ts';
import { registeredScopes, type Scope } from '../../../platform/auth/permissions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { ScopeEnum } from './enums.ts';
import { loadUser, User } from './user.ts';

const ApiKeyStatusEnum = builder.enumType(ApiKeyStatus, { name: 'ApiKeyStatus', description: 'Whether an API key can be used.' });

export const ApiKey = builder.prismaNode('ApiKey', {
  nullable: true,
  // A key may ask who it is.
  authScopes: { $any: { permission: 'apikey:read', $granted: 'self' } },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    name: t.exposeString('name'),
    keyPrefix: t.exposeString('keyPrefix'),
    scopes: t.field({
      type: [ScopeEnum],
      description: 'What the key may do, as far as its owner may.',
      resolve: (key) => (key.scopes as Scope[]).filter((scope) => registeredScopes().includes(scope)),
    }),
    status: t.field({
      type: ApiKeyStatusEnum,
      description: 'Whether the key can be used.',
      extensions: dependsOn('status', 'expiresAt'),
      resolve: ({ status, expiresAt }) =>
        status === 'ACTIVE' && expiresAt && expiresAt.getTime() <= Date.now() ? 'EXPIRED' : status,
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
    usageCount: t.expose('usageCount', { type: 'BigInt' }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    owner: t.field({
      type: User,
      nullable: true,
      description: 'Who made the key. Null once they have left the tenant.',
      extensions: dependsOn('userId'),
      resolve: ({ userId }, _args, context) => loadUser(context, userId),
    }),
  }),
});

export const loadApiKey = nodeLoader<typeof ApiKey.$inferType>('ApiKey', 'api_keys');

const ApiKeyFilter = builder.inputType('ApiKeyFilter', {
  description: 'Which API keys. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [ApiKeyStatusEnum], description: 'In one of these states.' }),
    ownerId: t.id({ description: 'Made by this person.' }),
  }),
});

export const apiKeyList = defineConnection({
  name: 'ApiKey',
  table: 'api_keys',
  node: ApiKey,
  orders: {
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
    NAME_ASC: { column: 'name', type: 'text', direction: 'ASC' },
  },
  filter: {
    type: ApiKeyFilter,
    where: ({ status, ownerId }: typeof ApiKeyFilter.$inferInput) => [
      ...(status
        ? [
            sql`CASE WHEN api_keys.status = 'ACTIVE' AND api_keys.expires_at <= now() THEN 'EXPIRED' ELSE api_keys.status::text END
              = ANY (${status}::text[])`,
          ]
        : []),
      ...(ownerId ? [sql`api_keys.user_id = ${parseId('User', ownerId, ['filter', 'ownerId'])}::uuid`] : []),
    ],
  },
});

apiKeyList.onQuery('apiKeys', { description: 'The API keys of the tenant.', access: 'apikey:read' });
