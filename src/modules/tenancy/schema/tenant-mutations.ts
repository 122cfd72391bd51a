import { builder } from '../../../platform/graphql/kit/builder.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { jsonObjectRule, nameRule, slugRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { updateTenant } from '../tenants.ts';
import { emailRule } from './rules.ts';
import { Tenant } from './tenant.ts';

mutation('updateTenant', {
  description: 'Changes the tenant the request acts in. What is not given stays as it is.',
  access: 'tenant:manage',
  input: (t) => ({
    name: t.string({ description: 'Display name.', validate: nameRule }),
    slug: t.string({ description: 'Name for URLs, unique in the installation.', validate: slugRule }),
    contactEmail: t.string({ description: 'Where to write to. Null takes it away.', validate: emailRule }),
    contactName: t.string({ description: 'Whom to address. Null takes it away.', validate: textRule(200) }),
    settings: t.field({ type: 'JSONObject', description: 'Settings, all of them.', validate: jsonObjectRule }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data, all of it.', validate: jsonObjectRule }),
  }),
  payload: builder.objectRef<{ tenant: typeof Tenant.$inferType }>('UpdateTenantPayload').implement({
    description: 'The tenant after the change.',
    fields: (t) => ({ tenant: t.field({ type: Tenant, description: 'The tenant.', resolve: ({ tenant }) => tenant }) }),
  }),
  resolve: async ({ name, slug, contactEmail, contactName, settings, metadata }, context) => ({
    tenant: await updateTenant(context, requireViewer(context), {
      name: name?.trim(),
      slug: slug ?? undefined,
      contactEmail: contactEmail?.trim() ?? contactEmail,
      contactName,
      settings: settings ?? undefined,
      metadata: metadata ?? undefined,
    }),
  }),
});
