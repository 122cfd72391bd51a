import type { InputFieldMap, InputShapeFromFields, ObjectRef } from '@pothos/core';
import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { Permission } from '../../../auth/permissions.ts';
import type { ActorContext } from '../../context.ts';
import type { SchemaTypes } from '../builder.ts';
import type { Changes, ColumnInputs } from './column-inputs.ts';
import type { ModelName, RowOf } from './model-columns.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;

export type ErrorClass = new (...args: never[]) => Error;

interface MutationParts<Name extends ModelName, Extra extends InputFieldMap> {
  description: string;
  /** @default the entity's `write`. One of the two must be there. */
  access?: Permission;
  /** Input fields that are not columns, with the plain Pothos builder. */
  arguments?: (t: InputFields) => Extra;
  validate?: StandardSchemaV1;
  errors?: ErrorClass[];
  /** Runs in the transaction after the row is written, such as to publish the change. */
  after?: (row: RowOf<Name>, context: ActorContext) => Promise<void>;
}

export interface CreateOptions<Name extends ModelName, Extra extends InputFieldMap> extends MutationParts<Name, Extra> {
  /** Adds to the columns that the input sets, or replaces them. It may throw a domain error. */
  values?: (
    changes: Changes<Name>,
    context: ActorContext,
    given: Partial<InputShapeFromFields<Extra>>,
  ) => Changes<Name> | Promise<Changes<Name>>;
}

export interface UpdateOptions<Name extends ModelName, Extra extends InputFieldMap> extends MutationParts<Name, Extra> {
  /** Throws if the row cannot be changed, such as InvalidStateError for an archived one. */
  check?: (row: RowOf<Name>) => void;
  values?: (
    changes: Changes<Name>,
    context: ActorContext,
    given: Partial<InputShapeFromFields<Extra>>,
    row: RowOf<Name>,
  ) => Changes<Name> | Promise<Changes<Name>>;
}

export interface TransitionOptions<Name extends ModelName> {
  description: string;
  access?: Permission;
  /** The states from which the transition is allowed. */
  from: readonly StatusOf<Name>[];
  /** The columns it sets, at least `status`. */
  set: Changes<Name> | ((context: ActorContext) => Changes<Name>);
  /** The message of the InvalidStateError for a row in another state. */
  refusal: string | ((row: RowOf<Name>) => string);
  after?: (row: RowOf<Name>, context: ActorContext) => Promise<void>;
}

export type CreateRow<Name extends ModelName, Extra extends InputFieldMap> = (
  context: ActorContext,
  changes: Changes<Name>,
  given?: Partial<InputShapeFromFields<Extra>>,
) => Promise<RowOf<Name>>;

export type UpdateRow<Name extends ModelName, Extra extends InputFieldMap> = (
  context: ActorContext,
  id: string,
  changes: Changes<Name>,
  given?: Partial<InputShapeFromFields<Extra>>,
) => Promise<RowOf<Name>>;

export type ChangeRow<Name extends ModelName> = (context: ActorContext, id: string) => Promise<RowOf<Name>>;

export type StatusOf<Name extends ModelName> = RowOf<Name> extends { status: infer Status } ? Status : never;

export interface EntityNames<Name extends ModelName> {
  typename: Name;
  noun: string;
  ref: ObjectRef<Types, RowOf<Name>>;
  write: Permission | undefined;
  inputs: ColumnInputs<Name>;
  /** The table in SQL. */
  table: string;
  /** Publishes a change of the row after the commit, where the entity declares `changes`. */
  publish: ((row: RowOf<Name>, context: ActorContext) => void) | undefined;
}
