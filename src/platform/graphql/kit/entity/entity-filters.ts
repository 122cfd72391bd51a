import { containsText, identifier, raw, type Sql, sql } from '../../../postgres/sql.ts';
import { builder, type SchemaTypes } from '../builder.ts';
import { prismaEnum } from '../enums.ts';
import { parseId } from '../global-id.ts';
import { type ColumnOf, type ModelName, type RowOf, requireColumn, snakeCase } from './model-columns.ts';
import { nounOf, upperFirst } from './nouns.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;

/** One condition of a filter: an input field and the SQL it adds to WHERE. */
export interface FilterField<Value> {
  field: (t: InputFields, name: string) => unknown;
  /** @param path the path of the value in the arguments, for errors */
  where: (value: Value, path: string[]) => Sql;
  /** The condition where the filter omits the field. By default an absent field adds no condition. */
  absent?: Sql;
}

// biome-ignore lint/suspicious/noExplicitAny: the value of each field is inferred where a filter is declared.
export type FilterFields = Record<string, FilterField<any>>;

/** The values of a filter, by the names of its fields. */
export type FilterValues<Fields extends FilterFields> = {
  [Name in keyof Fields]?: (Fields[Name] extends FilterField<infer Value> ? Value : never) | null | undefined;
};

type ScalarName = keyof SchemaTypes['Scalars'] | 'String' | 'Int' | 'Float' | 'Boolean' | 'ID';

/** The SQL types of Prisma's scalars, for casts of parameters. */
const SQL_TYPES: Record<string, string> = {
  String: 'text',
  Int: 'integer',
  BigInt: 'bigint',
  Boolean: 'boolean',
  DateTime: 'timestamptz',
};

/** Builds the conditions of a filter on one table. TypeScript checks the names of the columns. */
export class FilterBuilder<Name extends ModelName> {
  readonly #model: Name;
  readonly #table: string;
  readonly #plural: string;

  constructor(model: Name, table: string, plural: string) {
    this.#model = model;
    this.#table = table;
    this.#plural = upperFirst(plural);
  }

  /** The column in SQL, qualified by its table. */
  column(property: ColumnOf<Name>): Sql {
    return sql`${identifier(this.#table)}.${identifier(requireColumn(this.#model, property).column)}`;
  }

  #typesOf(property: ColumnOf<Name>) {
    const { type, isEnum } = requireColumn(this.#model, property);
    return {
      input: (isEnum ? prismaEnum(type as never) : type) as 'String',
      sqlType: raw(isEnum ? snakeCase(type) : (SQL_TYPES[type] ?? 'text')),
    };
  }

  /** The column has one of the given values. */
  anyOf<Column extends ColumnOf<Name>>(
    column: Column,
    description = `${this.#plural} with any of these values of \`${column}\`.`,
  ): FilterField<readonly NonNullable<RowOf<Name>[Column]>[]> {
    const { input, sqlType } = this.#typesOf(column);
    return {
      field: (t) => t.field({ type: [input], description }),
      where: (values) => sql`${this.column(column)} = ANY (${values}::${sqlType}[])`,
    };
  }

  /** The column has the given value. */
  is<Column extends ColumnOf<Name>>(
    column: Column,
    description = `${this.#plural} with this value of \`${column}\`.`,
  ): FilterField<NonNullable<RowOf<Name>[Column]>> {
    const { input, sqlType } = this.#typesOf(column);
    return {
      field: (t) => t.field({ type: input, description }),
      where: (value) => sql`${this.column(column)} = ${value}::${sqlType}`,
    };
  }

  /** The column refers to the object with the given id, of a GraphQL type. */
  refersTo(
    column: ColumnOf<Name>,
    typename: string,
    description = `${this.#plural} of this ${nounOf(typename)}.`,
  ): FilterField<string> {
    return {
      field: (t) => t.id({ description, extensions: { node: typename } }),
      where: (id, path) => sql`${this.column(column)} = ${parseId(typename, String(id), path)}::uuid`,
    };
  }

  /** One of the columns contains the given text, without regard to case. */
  containsText(
    columns: readonly ColumnOf<Name>[],
    description = `${this.#plural} whose ${columns.join(' or ')} contains this text, case-insensitive.`,
  ): FilterField<string> {
    return {
      field: (t) => t.string({ description }),
      where: (text) =>
        containsText(
          columns.map((column) => this.column(column)),
          text,
        ),
    };
  }

  /** The list in the column contains all of the given values. */
  containsAll(
    column: ColumnOf<Name>,
    description = `${this.#plural} that have all of these ${column}.`,
  ): FilterField<readonly string[]> {
    return {
      field: (t) => t.stringList({ description }),
      where: (values) => sql`${this.column(column)} @> ${values}::text[]`,
    };
  }

  /** The JSON in the column contains the given object. */
  containsJson(
    column: ColumnOf<Name>,
    description = `${this.#plural} whose ${column} contains this object.`,
  ): FilterField<object> {
    return {
      field: (t) => t.field({ type: 'JSONObject', description }),
      where: (value) => sql`${this.column(column)} @> ${JSON.stringify(value)}::jsonb`,
    };
  }

  /** The time in the column is at or after the given time. */
  since(column: ColumnOf<Name>, description = `${this.#plural} with \`${column}\` at or after this time.`): FilterField<Date> {
    return this.where('DateTime', description, (time: Date) => sql`${this.column(column)} >= ${time}::timestamptz`);
  }

  /** The time in the column is before the given time. */
  before(column: ColumnOf<Name>, description = `${this.#plural} with \`${column}\` before this time.`): FilterField<Date> {
    return this.where('DateTime', description, (time: Date) => sql`${this.column(column)} < ${time}::timestamptz`);
  }

  /**
   * The row was created at or after the given time. It compares ids, which begin with their time: where partitions are ranges of ids,
   * PostgreSQL reads only those of the period.
   */
  recordedAfter(description = `${this.#plural} recorded at or after this time.`): FilterField<Date> {
    const id = this.column('id' as ColumnOf<Name>);
    return this.where('DateTime', description, (time: Date) => sql`${id} >= app.uuid_v7_floor(${time}::timestamptz)`);
  }

  /** The row was created before the given time. It compares ids as `recordedAfter` does. */
  recordedBefore(description = `${this.#plural} recorded before this time.`): FilterField<Date> {
    const id = this.column('id' as ColumnOf<Name>);
    return this.where('DateTime', description, (time: Date) => sql`${id} < app.uuid_v7_floor(${time}::timestamptz)`);
  }

  /** Any other condition. */
  where<Value>(type: ScalarName | object, description: string, where: (value: Value, path: string[]) => Sql): FilterField<Value> {
    return { field: (t) => t.field({ type: type as 'String', description }), where };
  }
}

export interface EntityFilter<Fields extends FilterFields> {
  type: unknown;
  /** Whether the filter adds conditions even where the argument is omitted. */
  always: boolean;
  where: (filter: FilterValues<Fields>) => Sql[];
}

/** Declares the input type of a filter. */
export function filterType<Fields extends FilterFields>(
  typename: string,
  description: string,
  fields: Fields,
): EntityFilter<Fields> {
  const entries = Object.entries(fields);
  const type = builder.inputType(`${typename}Filter`, {
    description,
    fields: (t) => Object.fromEntries(entries.map(([name, { field }]) => [name, field(t as never, name)])) as never,
  });
  return {
    type,
    always: entries.some(([, { absent }]) => absent !== undefined),
    where: (filter) =>
      entries.flatMap(([name, { where, absent }]) => {
        const value: unknown = filter[name];
        // Forms send an empty text for a condition that is not set.
        if (value === null || value === undefined || value === '') return absent ?? [];
        return where(value, ['filter', name]);
      }),
  };
}
