import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { jsonObjectRule, nameRule } from '../../../platform/graphql/kit/rules.ts';
import { createApiKey, revokeApiKey, type VisibleApiKey } from '../api-keys.ts';
import { ApiKey } from './api-key.ts';
import { ScopeEnum } from './enums.ts';

const visible = (apiKey: VisibleApiKey) => apiKey as typeof ApiKey.$inferType;

mutation('createApiKey', {
  description: 'Makes an API key for a program. It can do what its scopes say and never more than its owner.',
  access: 'apikey:manage',
  input: (t) => ({
    name: t.string({ required: true, description: 'What the key is for.', validate: nameRule }),
    scopes: t.field({
      type: [ScopeEnum],
      required: true,
      description: 'What the key may do.',
      validate: z.array(z.string()).min(1, 'Must have at least one item.').max(50, 'Must have at most 50 items.'),
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'Until when it works. Until it is revoked when not given.' }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  }),
  payload: builder.objectRef<{ apiKey: typeof ApiKey.$inferType; secret: string }>('CreateApiKeyPayload').implement({
    description: 'The key and its secret.',
    fields: (t) => ({
      apiKey: t.field({ type: ApiKey, description: 'The key.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'Send it as `Authorization: Bearer …`. It is told this once.' }),
    }),
  }),
  resolve: async ({ name, scopes, expiresAt, metadata }, context) => {
    const { apiKey, secret } = await createApiKey(context, requireViewer(context), {
      name: name.trim(),
      scopes,
      expiresAt: expiresAt ?? undefined,
      metadata: metadata ?? undefined,
    });
    return { apiKey: visible(apiKey), secret };
  },
});

mutation('revokeApiKey', {
  description: 'Ends an API key for good. Its open streams end within seconds.',
  access: 'apikey:manage',
  input: (t) => ({ id: t.id({ required: true, description: 'The key.' }) }),
  payload: builder.objectRef<{ apiKey: typeof ApiKey.$inferType }>('RevokeApiKeyPayload').implement({
    description: 'The key after the change.',
    fields: (t) => ({ apiKey: t.field({ type: ApiKey, description: 'The key.', resolve: ({ apiKey }) => apiKey }) }),
  }),
  resolve: async ({ id }, context) => ({
    apiKey: visible(await revokeApiKey(context, requireViewer(context), parseId('ApiKey', id, ['input', 'id']))),
  }),
});
