import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { replayable } from '../../../platform/graphql/field-extensions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { Changes } from '../../../platform/graphql/kit/entity/entity-mutations.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { nameRule, slugRule } from '../../../platform/graphql/kit/rules.ts';
import { selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { requireViewer } from '../../../platform/graphql/viewer.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';
import { isUniqueViolation } from '../../../platform/postgres/errors.ts';
import { emailRule } from '../rules.ts';
import type { TenancyServices } from '../services.ts';
import { slugTaken } from './create-tenant.ts';

export type Tenant = RowOf<'Tenant'>;
export const Tenant = entity('Tenant', {
  table: 'tenants',
  access: 'tenant:read',
  // The payload of signIn contains the tenant before the request has a viewer.
  authScopes: { $any: { permission: 'tenant:read', $granted: 'self' } },
  ofTenant: false,
  columns: ['name', 'slug', 'status', 'planCode', 'contactEmail', 'contactName', 'settings', 'metadata'],
  inputs: {
    name: { validate: nameRule },
    slug: { validate: slugRule },
    contactEmail: { validate: emailRule },
    contactName: {},
    settings: {},
    metadata: {},
  },
});

builder.queryField('tenant', (t) =>
  t.field({
    type: Tenant,
    description: 'The tenant that the request acts in.',
    authScopes: { permission: 'tenant:read' },
    extensions: replayable,
    resolve: async (_root, _args, context, info) => {
      const { tenantId } = requireViewer(context);
      const tenant = await Tenant.load(context, tenantId, selectedProperties(info, 'Tenant'));
      if (!tenant) throw new NotFoundError('The tenant');
      return tenant;
    },
  }),
);

export async function updateTenant(
  { prisma, auth }: TenancyServices,
  { tenantId }: Viewer,
  changes: Changes<'Tenant'>,
): Promise<Tenant> {
  evictAfterCommit(auth, { tenantId });
  try {
    return await prisma.tenant.update({ where: { id: tenantId }, data: changes as object });
  } catch (error) {
    if (changes.slug !== undefined && isUniqueViolation(error)) throw slugTaken(changes.slug);
    throw error;
  }
}

mutation('updateTenant', {
  description: 'Changes the tenant that the request acts in. An omitted field stays unchanged.',
  access: 'tenant:manage',
  input: (t) => Tenant.mutations.inputFields(t, 'update'),
  payload: Tenant.mutations.payload('updateTenant'),
  resolve: (input, context) => updateTenant(context, context.viewer, Tenant.mutations.changes(input)),
});
