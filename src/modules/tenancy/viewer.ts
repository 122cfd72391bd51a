import type { Viewer as ViewerShape } from '../../platform/auth/viewer.ts';
import { replayable } from '../../platform/graphql/field-extensions.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';
import { prismaEnum } from '../../platform/graphql/kit/enums.ts';
import { selectedProperties } from '../../platform/graphql/kit/selection.ts';
import { isPlatformAdmin } from './accounts/platform-admins.ts';
import { User } from './accounts/user.ts';
import { UserIdentity } from './accounts/user-identity.ts';
import { ApiKey } from './api-keys/api-key.ts';
import { PermissionEnum } from './enums.ts';
import { listOwnTenants, type TenantMembership } from './tenants/own-tenants.ts';
import { Tenant } from './tenants/tenant.ts';

const TenantMembershipType = builder.objectRef<TenantMembership>('TenantChoice').implement({
  description: 'A tenant that the viewer can switch to with `switchTenant`.',
  fields: (t) => ({
    uuid: t.expose('tenantId', { type: 'UUID', description: 'UUID of the tenant.' }),
    name: t.exposeString('name', { description: 'Display name of the tenant.' }),
    slug: t.exposeString('slug', { description: 'Name of the tenant in URLs, unique in the installation.' }),
    role: t.expose('role', { type: prismaEnum('MemberRole'), description: "The viewer's role in the tenant." }),
    joinedAt: t.expose('joinedAt', { type: 'DateTime', description: 'Time when the viewer joined the tenant.' }),
  }),
});

const Viewer = builder.objectRef<ViewerShape>('Viewer').implement({
  description: 'The sender of the request, as identified by its credential.',
  fields: (t) => ({
    role: t.expose('role', {
      type: prismaEnum('MemberRole'),
      description: 'Role in the tenant. For an API key, the role of its owner.',
    }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'All permissions of the credential, in alphabetical order.',
      resolve: ({ permissions }) => [...permissions].sort(),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time when the credential expires. Null for an API key without an expiry time.',
      resolve: ({ expiresAt }) => expiresAt ?? null,
    }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'The signed-in user. For an API key, its owner.',
      resolve: ({ userId }, _args, context, info) => User.load(context, userId, selectedProperties(info, 'User')),
    }),
    tenant: t.field({
      type: Tenant,
      nullable: true,
      description: 'The tenant that the request acts in.',
      grantScopes: ['self'],
      resolve: ({ tenantId }, _args, context, info) => Tenant.load(context, tenantId, selectedProperties(info, 'Tenant')),
    }),
    isPlatformAdmin: t.boolean({
      description: 'Whether the viewer administers the platform. Always false for an API key.',
      resolve: (_viewer, _args, { database }) => isPlatformAdmin(database),
    }),
    tenants: t.field({
      type: [TenantMembershipType],
      description: 'The tenants that the viewer can switch to, ordered by `joinedAt`. Empty for an API key.',
      resolve: ({ apiKeyId }, _args, { database }) => (apiKeyId ? [] : listOwnTenants(database)),
    }),
    identities: t.field({
      type: [UserIdentity],
      description: "The viewer's linked identities at external issuers. Empty for an API key.",
      resolve: ({ apiKeyId }, _args, { prisma }) =>
        apiKeyId ? [] : prisma.userIdentity.findMany({ orderBy: { createdAt: 'asc' } }),
    }),
    apiKey: t.field({
      type: ApiKey,
      nullable: true,
      description: 'The API key that sent the request. Null for a signed-in user.',
      grantScopes: ['self'],
      resolve: ({ apiKeyId }, _args, context) => ApiKey.load(context, apiKeyId),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    nullable: true,
    description: 'The sender of the request. Null if the request carries no credential.',
    extensions: replayable,
    resolve: (_root, _args, { viewer }) => viewer,
  }),
);
