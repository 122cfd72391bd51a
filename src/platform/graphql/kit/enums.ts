import type { EnumRef } from '@pothos/core';
import { builder } from './builder.ts';

const refs = new Map<string, unknown>();

/**
 * Declares the GraphQL enum of a Prisma enum under the same name. Entities find it by that name where a column has the type.
 * @param values the enum object that Prisma generates
 */
export function enumOf<Values extends Record<string, string>>(
  name: string,
  values: Values,
  description: string,
): EnumRef<PothosSchemaTypes.ExtendDefaultTypes<typeof builder.$inferSchemaTypes>, Values[keyof Values], Values[keyof Values]> {
  const ref = builder.enumType(values, { name, description } as never);
  refs.set(name, ref);
  return ref as never;
}

/** The GraphQL enum of a Prisma enum. Throws where `enumOf` has not declared it yet. */
export function enumRefOf(name: string): unknown {
  const ref = refs.get(name);
  if (!ref) throw new Error(`The enum ${name} is not declared: call enumOf before the entity that has a column of it`);
  return ref;
}
