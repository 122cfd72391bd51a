import { TenantStatus } from '../../../generated/prisma/enums.ts';
import { replayable } from '../../../platform/graphql/field-extensions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';

const TenantStatusEnum = builder.enumType(TenantStatus, { name: 'TenantStatus', description: 'Whether a tenant may be used.' });

export const Tenant = builder.prismaNode('Tenant', {
  nullable: true,
  // Whoever signs in is shown where they are before they are anybody.
  authScopes: { $any: { permission: 'tenant:read', $granted: 'self' } },
  id: { resolve: ({ id }) => id },
  findUnique: (id) => ({ id }),
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    status: t.expose('status', { type: TenantStatusEnum }),
    planCode: t.exposeString('planCode'),
    contactEmail: t.exposeString('contactEmail', { nullable: true }),
    contactName: t.exposeString('contactName', { nullable: true }),
    settings: t.expose('settings', { type: 'JSONObject' }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
  }),
});

export const loadTenant = nodeLoader<typeof Tenant.$inferType>('Tenant', 'tenants');

builder.queryField('tenant', (t) =>
  t.field({
    type: Tenant,
    description: 'The tenant the request acts in.',
    authScopes: { permission: 'tenant:read' },
    extensions: replayable,
    resolve: async (_root, _args, context, info) => {
      const { tenantId } = requireViewer(context);
      const tenant = await loadTenant(context, tenantId, selectedProperties(info, 'Tenant'));
      if (!tenant) throw new NotFoundError('The tenant');
      return tenant;
    },
  }),
);
