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
    inputPerMillionUsd: 'US dollars for a million tokens of input, as a decimal number.',
    outputPerMillionUsd: 'US dollars for a million tokens of output, as a decimal number.',
    cachedInputPerMillionUsd:
      'US dollars for a million tokens of input that the provider had in its cache. As any input when null.',
  },
  list: {
    orders: ['-effectiveFrom'],
    filter: (f) => ({
      provider: f.is('provider', 'Of this provider.'),
      model: f.is('model', 'Of this model.'),
    }),
  },
  root: {
    many: {
      field: 'modelPrices',
      description: 'What models cost, of which runs work out their costs. The same for all tenants.',
    },
  },
});

/** The policies of the table enforce the same rule, with an error that does not state the reason. */
async function requirePlatformAdmin(database: Database): Promise<void> {
  const [viewer] = await queryRows<{ admin: boolean }>(database, sql`SELECT app.is_platform_admin() AS admin`);
  if (!viewer?.admin) throw new ForbiddenError('Prices are set by administrators of the platform, signed in as themselves.');
}

/** Decimal numbers of US dollars remain text: they never become floating point. */
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
  payload: payload('setModelPrice', 'The price as it is kept.', { price: { type: ModelPrice, description: 'The price.' } }),
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
  description: 'Takes a price back: the one before it holds again. Takes an administrator of the platform.',
  access: 'person',
  input: (t) => ({ id: nodeId(t, 'ModelPrice', { required: true, description: 'The price.' }) }),
  payload: payload('removeModelPrice', 'The price that is gone.', { price: { type: ModelPrice, description: 'The price.' } }),
  resolve: async ({ id }, { database, prisma }) => {
    await requirePlatformAdmin(database);
    const price = await ModelPrice.require(prisma, id, ['input', 'id']);
    await prisma.modelPrice.delete({ where: { id }, select: { id: true } });
    return { price };
  },
});
