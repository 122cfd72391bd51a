import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { textRule } from '../../../platform/graphql/kit/rules.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { formatDecimal } from '../../../platform/lib/format-decimal.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { removeModelPrice, setModelPrice } from '../model-prices.ts';

const ModelPrice = builder.prismaNode('ModelPrice', {
  nullable: true,
  authScopes: { permission: 'agent:read' },
  id: { resolve: ({ id }) => id },
  findUnique: (id) => ({ id }),
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    provider: t.exposeString('provider'),
    model: t.exposeString('model'),
    inputPerMillionUsd: t.string({
      description: 'US dollars for a million tokens of input, as a decimal number.',
      extensions: dependsOn('inputPerMillionUsd'),
      resolve: ({ inputPerMillionUsd }) => formatDecimal(inputPerMillionUsd),
    }),
    outputPerMillionUsd: t.string({
      description: 'US dollars for a million tokens of output, as a decimal number.',
      extensions: dependsOn('outputPerMillionUsd'),
      resolve: ({ outputPerMillionUsd }) => formatDecimal(outputPerMillionUsd),
    }),
    cachedInputPerMillionUsd: t.string({
      nullable: true,
      description: 'US dollars for a million tokens of input that the provider had in its cache. As any input when null.',
      extensions: dependsOn('cachedInputPerMillionUsd'),
      resolve: ({ cachedInputPerMillionUsd: price }) => (price === null ? null : formatDecimal(price)),
    }),
    effectiveFrom: t.expose('effectiveFrom', { type: 'DateTime' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
  }),
});

nodeLoader<typeof ModelPrice.$inferType>('ModelPrice', 'model_prices');

const ModelPriceFilter = builder.inputType('ModelPriceFilter', {
  description: 'Which prices. All conditions must hold.',
  fields: (t) => ({
    provider: t.string({ description: 'Of this provider.' }),
    model: t.string({ description: 'Of this model.' }),
  }),
});

defineConnection({
  name: 'ModelPrice',
  table: 'model_prices',
  node: ModelPrice,
  orders: { EFFECTIVE_FROM_DESC: { column: 'effective_from', type: 'timestamptz', direction: 'DESC' } },
  filter: {
    type: ModelPriceFilter,
    where: ({ provider, model }: typeof ModelPriceFilter.$inferInput) => [
      ...(provider ? [sql`model_prices.provider = ${provider}`] : []),
      ...(model ? [sql`model_prices.model = ${model}`] : []),
    ],
  },
}).onQuery('modelPrices', {
  description: 'What models cost, of which runs work out their costs. The same for all tenants.',
  access: 'agent:read',
});

const usdRule = z.string().regex(/^\d{1,12}(\.\d{1,6})?$/, 'Must be a decimal number such as 2.50, with at most 6 places.');

mutation('setModelPrice', {
  description:
    'Says what a model costs from a moment on, for all tenants. Calls that were made before keep their costs. Takes an administrator of the ' +
    'platform.',
  access: 'person',
  input: (t) => ({
    provider: t.string({
      required: true,
      description: 'The provider, as agents name it.',
      validate: textRule(50).regex(/\S/, 'Must not be empty.'),
    }),
    model: t.string({
      required: true,
      description: 'The model, as agents name it.',
      validate: textRule(150).regex(/\S/, 'Must not be empty.'),
    }),
    inputPerMillionUsd: t.string({
      required: true,
      description: 'US dollars for a million tokens of input, such as `2.50`.',
      validate: usdRule,
    }),
    outputPerMillionUsd: t.string({
      required: true,
      description: 'US dollars for a million tokens of output.',
      validate: usdRule,
    }),
    cachedInputPerMillionUsd: t.string({
      description:
        'US dollars for a million tokens of input that the provider had in its cache. As any input when nothing is said.',
      validate: usdRule,
    }),
    effectiveFrom: t.field({ type: 'DateTime', description: 'From when on it holds. Now when nothing is said.' }),
  }),
  payload: builder.objectRef<{ price: typeof ModelPrice.$inferType }>('SetModelPricePayload').implement({
    description: 'The price as it is kept.',
    fields: (t) => ({ price: t.field({ type: ModelPrice, description: 'The price.', resolve: ({ price }) => price }) }),
  }),
  resolve: async ({ effectiveFrom, cachedInputPerMillionUsd, ...fields }, context) => ({
    price: await setModelPrice(context, {
      ...fields,
      effectiveFrom: effectiveFrom ?? undefined,
      cachedInputPerMillionUsd: cachedInputPerMillionUsd ?? undefined,
    }),
  }),
});

mutation('removeModelPrice', {
  description: 'Takes a price back: the one before it holds again. Takes an administrator of the platform.',
  access: 'person',
  input: (t) => ({ id: t.id({ required: true, description: 'The price.' }) }),
  payload: builder.objectRef<{ price: typeof ModelPrice.$inferType }>('RemoveModelPricePayload').implement({
    description: 'The price that is gone.',
    fields: (t) => ({ price: t.field({ type: ModelPrice, description: 'The price.', resolve: ({ price }) => price }) }),
  }),
  resolve: async ({ id }, context) => ({ price: await removeModelPrice(context, parseId('ModelPrice', id, ['input', 'id'])) }),
});
