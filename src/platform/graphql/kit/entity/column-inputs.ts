import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { SchemaTypes } from '../builder.ts';
import { prismaEnum } from '../enums.ts';
import { jsonObjectRule, slugRule, textRule } from '../rules.ts';
import { type ColumnOf, type ModelColumn, type ModelName, type RowOf, requireColumn } from './model-columns.ts';
import { nodeId } from './node-id.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;
type ScalarName = keyof SchemaTypes['Scalars'] | 'String' | 'Int' | 'Float' | 'Boolean' | 'ID';

/** An input field that sets a column. Its GraphQL type follows from the column. */
export interface ColumnInput {
  /** @default the comment of the column, and on creation its default value */
  description?: string;
  /** Whether a creation must give it. */
  required?: boolean;
  /** @default the maximum length of a `varchar`, the size of a JSON object. Other texts and lists need a rule. */
  validate?: StandardSchemaV1;
  /** The GraphQL type where the column leaves a choice, such as `NonNegativeInt` for a bigint. */
  type?: ScalarName | readonly [ScalarName];
  /** The GraphQL type of the object that the column refers to. The input takes its id, and is named like the column. */
  node?: string;
  /**
   * For a `slug` column: the column that a creation derives it from if the input omits it. A given slug must be free, on update too. The rule
   * is that of slugs.
   */
  slugOf?: string;
  /** The only kind of mutation that takes it. @default both */
  only?: 'create' | 'update';
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

/** The rule of a column that declares none. Throws for a column whose size nothing limits. */
function ruleOf(model: ModelName, column: ModelColumn, type: unknown): StandardSchemaV1 | undefined {
  const { property, isList, maxLength } = column;
  if (type === 'JSONObject' && !isList) return jsonObjectRule;
  if (type === 'String' || type === 'JSON' || Array.isArray(type) || isList) {
    if (maxLength === undefined || type !== 'String' || isList)
      throw new Error(`${model}.${property} has no size limit: state one in validate`);
    return textRule(maxLength);
  }
  return undefined;
}

function describe({ description, default: value }: ModelColumn, on: 'create' | 'update'): string {
  return on === 'create' && value !== undefined ? `${description} Default: ${value}.` : description;
}

/** The input field that sets a column. */
export function inputField(
  t: InputFields,
  model: ModelName,
  property: string,
  input: ColumnInput,
  on: 'create' | 'update',
): unknown {
  const column = requireColumn(model, property);
  const { node } = input;
  const described = input.description ?? describe(column, on);
  const description = input.slugOf && on === 'create' ? `${described} Default: derived from \`${input.slugOf}\`.` : described;
  const required = on === 'create' && (input.required ?? false);
  if (node) return nodeId(t, node, { description, required, ...(input.validate ? { validate: input.validate } : {}) });
  const one = column.isEnum ? prismaEnum(column.type as never) : (input.type ?? INPUT_TYPES[column.type]);
  if (one === undefined) throw new Error(`${model}.${property} has no input type: name one in type`);
  const validate = input.validate ?? (input.slugOf ? slugRule : ruleOf(model, column, one));
  return t.field({ type: column.isList ? [one] : one, description, required, ...(validate ? { validate } : {}) } as never);
}

/** The values of columns in an input. Null clears a nullable column and leaves any other unchanged. */
export function changesOf<Name extends ModelName>(
  model: Name,
  properties: readonly string[],
  given: Record<string, unknown>,
): Changes<Name> {
  const changes: Record<string, unknown> = {};
  for (const property of properties) {
    const value = given[property];
    const { type, isNullable } = requireColumn(model, property);
    if (value === undefined || (value === null && !isNullable)) continue;
    changes[property] = type === 'BigInt' && value !== null ? BigInt(value as number) : value;
  }
  return changes as Changes<Name>;
}
