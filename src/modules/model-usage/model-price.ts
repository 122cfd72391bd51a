import { z } from 'zod';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { nodeId } from '../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../platform/graphql/kit/mutation.ts';
import { textRule } from '../../platform/graphql/kit/rules.ts';
import { ForbiddenError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';

export type ModelPrice = RowOf<'ModelPrice'>;
export const ModelPrice = entity('ModelPrice', {
  table: 'model_prices',
  access: 'agent:read',
  noun: 'price',
  ofTenant: false,
  columns: ['provider', 'model', 'inputPerMillionUsd', 'outputPerMillionUsd', 'cachedInputPerMillionUsd', 'effectiveFrom'],
  descriptions: {
    inputPerMillionUsd: 'US dollars per million input tokens, as a decimal number.',
    outputPerMillionUsd: 'US dollars per million output tokens, as a decimal number.',
    cachedInputPerMillionUsd:
      "US dollars per million input tokens read from the provider's cache, as a decimal number. Null: the price of other input tokens.",
  },
  list: {
    orders: ['-effectiveFrom'],
    filter: (f) => ({
      provider: f.is('provider', 'Prices of this provider.'),
      model: f.is('model', 'Prices of this model.'),
    }),
  },
  root: {
    many: {
      field: 'modelPrices',
      description: 'Prices from which the costs of model calls are calculated. They apply to all tenants.',
    },
  },
});

/** The policies of the table enforce the same rule, with an error that does not state the reason. */
async function requirePlatformAdmin(database: Database): Promise<void> {
  const [viewer] = await queryRows<{ admin: boolean }>(database, sql`SELECT app.is_platform_admin() AS admin`);
  if (!viewer?.admin) throw new ForbiddenError('Only platform administrators who are signed in as users can change prices.');
}

/** Decimal numbers of US dollars remain text: they never become floating point. */
const usdRule = z.string().regex(/^\d{1,12}(\.\d{1,6})?$/, 'Must be a decimal number such as 2.50, with at most 6 places.');

mutation('setModelPrice', {
  description:
    'Sets the price of a model from a point in time, for all tenants, and replaces a price with the same point in time. The costs of earlier ' +
    'calls do not change. Requires a platform administrator.',
  access: 'person',
  input: (t) => ({
    provider: t.string({
      required: true,
      description: 'Name of the provider, as in `Agent.provider`.',
      validate: textRule(50).regex(/\S/, 'Must not be empty.'),
    }),
    model: t.string({
      required: true,
      description: 'Name of the model, as in `Agent.model`.',
      validate: textRule(150).regex(/\S/, 'Must not be empty.'),
    }),
    inputPerMillionUsd: t.string({
      required: true,
      description: 'US dollars per million input tokens, a decimal number with at most 6 places, such as `2.50`.',
      validate: usdRule,
    }),
    outputPerMillionUsd: t.string({
      required: true,
      description: 'US dollars per million output tokens, a decimal number with at most 6 places.',
      validate: usdRule,
    }),
    cachedInputPerMillionUsd: t.string({
      description:
        "US dollars per million input tokens read from the provider's cache. Default: the price of other input tokens.",
      validate: usdRule,
    }),
    effectiveFrom: t.field({ type: 'DateTime', description: 'Time from which the price applies. Default: now.' }),
  }),
  payload: payload('setModelPrice', 'The stored price.', { price: { type: ModelPrice, description: 'The price.' } }),
  resolve: async ({ provider, model, effectiveFrom, cachedInputPerMillionUsd, ...prices }, { database, prisma }) => {
    await requirePlatformAdmin(database);
    const usd = { ...prices, cachedInputPerMillionUsd: cachedInputPerMillionUsd ?? null };
    const key = { provider, model, effectiveFrom: effectiveFrom ?? new Date() };
    const price = await prisma.modelPrice.upsert({
      where: { provider_model_effectiveFrom: key },
      create: { id: newId(), ...key, ...usd },
      update: usd,
    });
    return { price };
  },
});

mutation('removeModelPrice', {
  description: 'Deletes a price, so that the previous price of the model applies again. Requires a platform administrator.',
  access: 'person',
  input: (t) => ({ id: nodeId(t, 'ModelPrice', { required: true, description: 'The price.' }) }),
  payload: payload('removeModelPrice', 'The deleted price.', { price: { type: ModelPrice, description: 'The price.' } }),
  resolve: async ({ id }, { database, prisma }) => {
    await requirePlatformAdmin(database);
    const price = await ModelPrice.require(prisma, id, ['input', 'id']);
    await prisma.modelPrice.delete({ where: { id }, select: { id: true } });
    return { price };
  },
});
