import { formatDecimal } from '../../../lib/format-decimal.ts';
import type { SchemaTypes } from '../builder.ts';
import { prismaEnum } from '../enums.ts';
import type { LoadById } from '../node-loader.ts';
import { dependsOn, selectedProperties } from '../selection.ts';
import { type ColumnOf, type ModelName, requireColumn } from './model-columns.ts';

export type ScalarName = keyof SchemaTypes['Scalars'] | 'String' | 'Int' | 'Float' | 'Boolean';

/** A field that resolves to the object whose id a column holds. Null where the column is null or the object is not visible. */
export interface Reference<Name extends ModelName> {
  /** The entity it refers to; a function where that is declared later. */
  to: ReferenceTarget | (() => ReferenceTarget);
  /** The column with the id. @default the name of the field followed by `Id` */
  column?: ColumnOf<Name>;
  /** @default the comment of the column */
  description?: string;
}

export interface ReferenceTarget {
  readonly typename: string;
  readonly load: LoadById<object>;
}

/** GraphQL types of Prisma's scalars. */
const GRAPHQL_TYPES: Record<string, string> = {
  String: 'String',
  Int: 'Int',
  BigInt: 'BigInt',
  Float: 'Float',
  Boolean: 'Boolean',
  DateTime: 'DateTime',
  Json: 'JSONObject',
};

/** The field builder as generic code calls it, with columns known by name only. */
export interface LooseFieldBuilder {
  expose(column: string, options: object): unknown;
  string(options: object): unknown;
  field(options: object): unknown;
}

/** The field of a column. */
export function exposeColumn(
  t: LooseFieldBuilder,
  model: string,
  property: string,
  scalar: string | undefined,
  description?: string,
): unknown {
  const { type, isEnum, isList, isNullable, description: comment } = requireColumn(model, property);
  const described = { description: description ?? comment };
  if (type === 'Decimal') {
    return t.string({
      nullable: isNullable,
      ...described,
      extensions: dependsOn(property),
      resolve: (row: Record<string, never>) => (row[property] === null ? null : formatDecimal(row[property] as never)),
    });
  }
  const one = isEnum ? prismaEnum(type as never) : (scalar ?? GRAPHQL_TYPES[type]);
  if (one === undefined) throw new Error(`${model}.${property} has no GraphQL type: name one in types`);
  return t.expose(property, { type: isList ? [one] : one, nullable: isNullable, ...described });
}

/** The field of a reference. */
export function referenceField<Name extends ModelName>(
  t: LooseFieldBuilder,
  model: Name,
  field: string,
  given: Reference<Name> | ReferenceTarget,
): unknown {
  const reference: Reference<Name> = 'to' in given ? given : { to: given };
  const { property, description } = requireColumn(model, reference.column ?? `${field}Id`);
  const { to } = reference;
  // A target that is declared later exists once the schema is built, which is when Pothos calls this.
  const target = typeof to === 'function' ? to() : to;
  const { typename, load } = target;
  return t.field({
    type: target,
    nullable: true,
    description: reference.description ?? description,
    extensions: dependsOn(property),
    resolve: (row: Record<string, string | null>, _args: unknown, context: never, info: never) =>
      load(context, row[property], selectedProperties(info, typename)),
  });
}
