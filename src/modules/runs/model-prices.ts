import type { ModelPrice } from '../../generated/prisma/client.ts';
import { ForbiddenError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import type { RunControls } from './services.ts';

export interface PriceFields {
  provider: string;
  model: string;
  /** Decimal numbers of US dollars, as text: they never become floating point. */
  inputPerMillionUsd: string;
  outputPerMillionUsd: string;
  cachedInputPerMillionUsd?: string | undefined;
  effectiveFrom?: Date | undefined;
}

type Prices = Pick<RunControls, 'database' | 'prisma'>;

/** The database refuses others as well, without words. */
async function requirePlatformAdmin({ database }: Prices): Promise<void> {
  const [viewer] = await queryRows<{ admin: boolean }>(database, sql`SELECT app.is_platform_admin() AS admin`);
  if (!viewer?.admin) throw new ForbiddenError('Prices are set by administrators of the platform, signed in as themselves.');
}

/** Says what a model costs from a moment on. What was said for the same moment is replaced. */
export async function setModelPrice(services: Prices, fields: PriceFields): Promise<ModelPrice> {
  await requirePlatformAdmin(services);
  const { provider, model, effectiveFrom = new Date(), ...prices } = fields;
  const usd = { ...prices, cachedInputPerMillionUsd: prices.cachedInputPerMillionUsd ?? null };
  return services.prisma.modelPrice.upsert({
    where: { provider_model_effectiveFrom: { provider, model, effectiveFrom } },
    create: { id: newId(), provider, model, effectiveFrom, ...usd },
    update: usd,
  });
}

/** Takes a price back: the one before it holds again. Throws NotFoundError. */
export async function removeModelPrice(services: Prices, id: string): Promise<ModelPrice> {
  await requirePlatformAdmin(services);
  const price = await requireFound(services.prisma.modelPrice.findFirst({ where: { id } }), 'The price', ['input', 'id']);
  await services.prisma.modelPrice.delete({ where: { id }, select: { id: true } });
  return price;
}
