import type { unreadableColumns } from '../../../../generated/data-model.ts';
import type PrismaTypes from '../../../../generated/pothos.ts';
import { getDatamodel } from '../../../../generated/pothos.ts';

export type ModelName = keyof PrismaTypes & string;

type Unreadable = typeof unreadableColumns;

/** A row of a model as Prisma returns it, without the columns that the application role cannot read. */
export type RowOf<Name extends ModelName> =
  Uncapitalize<Name> extends keyof Unreadable
    ? Omit<PrismaTypes[Name]['Shape'], keyof Unreadable[Uncapitalize<Name>]>
    : PrismaTypes[Name]['Shape'];

/** A property of a row that is a column of its table. */
export type ColumnOf<Name extends ModelName> = keyof RowOf<Name> & string;

/** The columns that may be null, which an input can set to null. */
export type NullableColumnOf<Name extends ModelName> = {
  [Column in ColumnOf<Name>]: null extends RowOf<Name>[Column] ? Column : never;
}[ColumnOf<Name>];

export interface ModelColumn {
  /** The property of a row, in camelCase. */
  property: string;
  /** The column in SQL, in snake_case. */
  column: string;
  /** The Prisma scalar or the name of the enum. */
  type: string;
  isEnum: boolean;
  isList: boolean;
  isNullable: boolean;
}

const { models } = getDatamodel().datamodel;
const known = new Map<string, ReadonlyMap<string, ModelColumn>>();

/** `lastEventSequence` becomes `last_event_sequence`. Every `@map` of the Prisma schema follows this rule; a test checks it. */
export function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** The columns of a Prisma model by their property. */
export function columnsOfModel(name: string): ReadonlyMap<string, ModelColumn> {
  let columns = known.get(name);
  if (!columns) {
    const fields = models[name]?.fields ?? [];
    columns = new Map(
      fields
        .filter(({ kind }) => kind !== 'object')
        .map(({ name: property, type, kind, isList, isRequired }) => [
          property,
          { property, column: snakeCase(property), type, isEnum: kind === 'enum', isList, isNullable: !isRequired },
        ]),
    );
    known.set(name, columns);
  }
  return columns;
}

/** Throws for a property that is not a column of the model, which TypeScript rules out for declarations. */
export function requireColumn(model: string, property: string): ModelColumn {
  const column = columnsOfModel(model).get(property);
  if (!column) throw new Error(`${model} has no column ${property}`);
  return column;
}
