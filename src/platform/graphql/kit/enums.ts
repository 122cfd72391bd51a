import type { EnumRef } from '@pothos/core';
import { enumComments } from '../../../generated/data-model.ts';
import * as enums from '../../../generated/prisma/enums.ts';
import { builder } from './builder.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<typeof builder.$inferSchemaTypes>;
type PrismaEnums = typeof enums;
type EnumName = keyof PrismaEnums & string;
type ValueOf<Name extends EnumName> = PrismaEnums[Name][keyof PrismaEnums[Name]];

const valuesOf: Record<string, Record<string, string>> = { ...enums };
const refs = new Map<string, unknown>();

/** The values of a Prisma enum by its name. Throws if the Prisma schema has none. */
export function enumValues(name: string): Record<string, string> {
  const values = valuesOf[name];
  if (!values) throw new Error(`The Prisma schema has no enum ${name}`);
  return values;
}

/** The GraphQL enum of a Prisma enum, with its name, values and description. The first use declares it. */
export function prismaEnum<Name extends EnumName>(name: Name): EnumRef<Types, ValueOf<Name>, ValueOf<Name>> {
  let ref = refs.get(name);
  if (!ref) {
    ref = builder.enumType(enumValues(name), { name, description: enumComments[name] } as never);
    refs.set(name, ref);
  }
  return ref as never;
}
