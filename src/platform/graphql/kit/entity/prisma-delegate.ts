import type { Prisma } from '../../../postgres/prisma.ts';
import type { ModelName } from './model-columns.ts';

/** The operations of a Prisma model that plain rows need, for code that knows the model by name only. */
export interface Delegate<Row> {
  findFirst(query: { where: object }): Promise<Row | null>;
  create(query: { data: object }): Promise<Row>;
  update(query: { where: object; data: object }): Promise<Row>;
  updateManyAndReturn(query: { where: object; data: object }): Promise<Row[]>;
}

export function delegateOf<Row>(prisma: Prisma, model: ModelName): Delegate<Row> {
  const property = model.charAt(0).toLowerCase() + model.slice(1);
  return (prisma as unknown as Record<string, Delegate<Row>>)[property] as Delegate<Row>;
}
