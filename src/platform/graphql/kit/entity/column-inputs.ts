import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { SchemaTypes } from '../builder.ts';
import { enumRefOf } from '../enums.ts';
import { type ColumnOf, type ModelName, type RowOf, requireColumn } from './model-columns.ts';
import { nodeId } from './node-id.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;
type ScalarName = keyof SchemaTypes['Scalars'] | 'String' | 'Int' | 'Float' | 'Boolean' | 'ID';

/** An input field that sets a column. Its GraphQL type follows from the column. */
export interface ColumnInput {
  description: string;
  required?: boolean;
  validate?: StandardSchemaV1;
  /** The GraphQL type where the column leaves a choice, such as `NonNegativeInt` for a bigint. */
  type?: ScalarName | readonly [ScalarName];
  /** The GraphQL type of the object that the column refers to. The input takes its id, and is named like the column. */
  node?: string;
}

export type ColumnInputs<Name extends ModelName> = Partial<Record<ColumnOf<Name>, ColumnInput>>;

/** Values of columns to write. An update leaves absent columns unchanged; a creation sets their defaults. */
export type Changes<Name extends ModelName> = { [Column in ColumnOf<Name>]?: RowOf<Name>[Column] | undefined };

const INPUT_TYPES: Record<string, string> = {
  String: 'String',
  Int: 'Int',
  BigInt: 'BigInt',
  Float: 'Float',
  Boolean: 'Boolean',
  DateTime: 'DateTime',
  Json: 'JSONObject',
};

/** The input field that sets a column. */
export function inputField(t: InputFields, model: ModelName, property: string, input: ColumnInput): unknown {
  const { type, isEnum, isList } = requireColumn(model, property);
  const { description, required = false, validate, node } = input;
  const options = { description, required, ...(validate ? { validate } : {}) } as const;
  if (node) return nodeId(t, node, options);
  const one = isEnum ? enumRefOf(type) : (input.type ?? INPUT_TYPES[type]);
  if (one === undefined) throw new Error(`${model}.${property} has no input type: name one in type`);
  return t.field({ ...options, type: isList ? [one] : one } as never);
}

/** The values of columns in an input. Null clears a nullable column and leaves any other unchanged. */
export function changesOf<Name extends ModelName>(
  model: Name,
  inputs: ColumnInputs<Name>,
  given: Record<string, unknown>,
): Changes<Name> {
  const changes: Record<string, unknown> = {};
  for (const property of Object.keys(inputs)) {
    const value = given[property];
    const { type, isNullable } = requireColumn(model, property);
    if (value === undefined || (value === null && !isNullable)) continue;
    changes[property] = type === 'BigInt' && value !== null ? BigInt(value as number) : value;
  }
  return changes as Changes<Name>;
}
