import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule, listRule, nameRule } from '../../../platform/graphql/kit/rules.ts';
import { ScopeEnum } from '../enums.ts';
import { ApiKey } from './api-key.ts';
import { createApiKey, revokeApiKey } from './manage-api-keys.ts';

mutation('createApiKey', {
  description: 'Creates an API key of the viewer. The key never has more permissions than its owner.',
  access: 'apikey:manage',
  input: (t) => ({
    name: t.string({ required: true, description: 'Purpose of the key, 1 to 200 characters.', validate: nameRule }),
    scopes: t.field({
      type: [ScopeEnum],
      required: true,
      description: 'Scopes of the key, 1 to 50. The viewer must have all permissions of each scope.',
      validate: listRule(z.string(), 50).refine((scopes) => scopes.length > 0, 'Must have at least one item.'),
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'Expiry time, in the future. If omitted, the key never expires.' }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Application data, a JSON object of at most 64 KiB. The server does not interpret it.',
      validate: jsonObjectRule,
    }),
  }),
  payload: builder.objectRef<{ apiKey: ApiKey; secret: string }>('CreateApiKeyPayload').implement({
    description: 'The new API key and its secret.',
    fields: (t) => ({
      apiKey: t.field({ type: ApiKey, description: 'The API key.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', {
        description: 'Secret of the key, for the header `Authorization: Bearer …`. No later query returns it.',
      }),
    }),
  }),
  resolve: ({ name, scopes, expiresAt, metadata }, context) =>
    createApiKey(context, context.viewer, {
      name: name.trim(),
      scopes,
      expiresAt: expiresAt ?? undefined,
      metadata: metadata ?? undefined,
    }),
});

ApiKey.mutations.change('revokeApiKey', {
  description: 'Revokes an API key permanently. Its open streams close within seconds.',
  change: (context, id) => revokeApiKey(context, context.viewer, id),
});
