import type { Viewer as ViewerShape } from '../../../platform/auth/viewer.ts';
import { replayable } from '../../../platform/graphql/field-extensions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { isPlatformAdmin, listOwnIdentities, listOwnTenants, type TenantMembership } from '../read.ts';
import { ApiKey, loadApiKey } from './api-key.ts';
import { MemberRoleEnum, PermissionEnum } from './enums.ts';
import { loadTenant, Tenant } from './tenant.ts';
import { loadUser, User } from './user.ts';

const TenantMembershipType = builder.objectRef<TenantMembership>('TenantChoice').implement({
  description: 'A tenant one can go to with `switchTenant`.',
  fields: (t) => ({
    uuid: t.expose('tenantId', { type: 'UUID', description: 'Its UUID.' }),
    name: t.exposeString('name', { description: 'Its name.' }),
    slug: t.exposeString('slug', { description: 'Its name in URLs.' }),
    role: t.expose('role', { type: MemberRoleEnum, description: 'What one may do there.' }),
    joinedAt: t.expose('joinedAt', { type: 'DateTime', description: 'Since when one is a member.' }),
  }),
});

export const UserIdentity = builder.prismaObject('UserIdentity', {
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    issuer: t.exposeString('issuer'),
    subject: t.exposeString('subject'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});

const Viewer = builder.objectRef<ViewerShape>('Viewer').implement({
  description: 'Whoever sent the request, as the server understands their credential.',
  fields: (t) => ({
    role: t.expose('role', {
      type: MemberRoleEnum,
      description: 'The role in the tenant; of an API key, the role of its owner.',
    }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'Everything the credential may do.',
      resolve: ({ permissions }) => [...permissions].sort(),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the credential ends. Null for an API key without an end.',
      resolve: ({ expiresAt }) => expiresAt ?? null,
    }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'The person; of an API key, its owner.',
      resolve: ({ userId }, _args, context, info) => loadUser(context, userId, selectedProperties(info, 'User')),
    }),
    tenant: t.field({
      type: Tenant,
      nullable: true,
      description: 'The tenant the request acts in.',
      grantScopes: ['self'],
      resolve: ({ tenantId }, _args, context, info) => loadTenant(context, tenantId, selectedProperties(info, 'Tenant')),
    }),
    isPlatformAdmin: t.boolean({
      description: 'Whether the person runs the platform. An API key never does.',
      resolve: (_viewer, _args, { database }) => isPlatformAdmin(database),
    }),
    tenants: t.field({
      type: [TenantMembershipType],
      description: 'The tenants the person can go to, the one they joined first in front. Empty for API keys.',
      resolve: ({ apiKeyId }, _args, { database }) => (apiKeyId ? [] : listOwnTenants(database)),
    }),
    identities: t.field({
      type: [UserIdentity],
      description: 'The names external issuers know the person by. Empty for API keys.',
      resolve: ({ apiKeyId }, _args, { prisma }) => (apiKeyId ? [] : listOwnIdentities(prisma)),
    }),
    apiKey: t.field({
      type: ApiKey,
      nullable: true,
      description: 'The API key, if the credential is one.',
      grantScopes: ['self'],
      resolve: ({ apiKeyId }, _args, context) => loadApiKey(context, apiKeyId),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    nullable: true,
    description: 'Who sent the request. Null when no credential came with it.',
    extensions: replayable,
    resolve: (_root, _args, { viewer }) => viewer,
  }),
);
