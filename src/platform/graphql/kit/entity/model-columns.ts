import { enumComments, tableModels, type unreadableColumns } from '../../../../generated/data-model.ts';
import type PrismaTypes from '../../../../generated/pothos.ts';

export type ModelName = keyof PrismaTypes & string;

type Unreadable = typeof unreadableColumns;

/** A row of a model as Prisma returns it, without the columns that the application role cannot read. */
export type RowOf<Name extends ModelName> =
  Uncapitalize<Name> extends keyof Unreadable
    ? Omit<PrismaTypes[Name]['Shape'], keyof Unreadable[Uncapitalize<Name>]>
    : PrismaTypes[Name]['Shape'];

/** A property of a row that is a column of its table. */
export type ColumnOf<Name extends ModelName> = keyof RowOf<Name> & string;

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
  /** The comment of the Prisma schema. */
  description: string;
  /** The default where it is one value. */
  default: string | number | boolean | undefined;
  /** The maximum length of a `varchar`. */
  maxLength: number | undefined;
}

const models = new Map(tableModels.map((table) => [table.model, table]));
const known = new Map<string, ReadonlyMap<string, ModelColumn>>();

/** `lastEventSequence` becomes `last_event_sequence`. Every `@map` of the Prisma schema follows this rule; a test checks it. */
export function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** The columns of a Prisma model by their property. */
export function columnsOfModel(name: string): ReadonlyMap<string, ModelColumn> {
  let columns = known.get(name);
  if (!columns) {
    columns = new Map(
      models
        .get(name)
        ?.columns.filter(({ supported }) => supported)
        .map((column) => {
          const type = column.type.replace(/[?[].*/, '');
          const { property, name: sqlName, comment: description, default: value, maxLength } = column;
          return [
            property,
            {
              property,
              column: sqlName,
              type,
              isEnum: type in enumComments,
              isList: column.type.endsWith('[]'),
              isNullable: column.type.endsWith('?'),
              description,
              default: value,
              maxLength,
            },
          ];
        }),
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
