export interface ColumnModel {
  name: string;
  /** The camelCase name in Prisma and in decoded rows. */
  property: string;
  /** The Prisma type with its modifier, or the PostgreSQL type if Prisma does not support it. */
  type: string;
  /** Whether Prisma supports the type. Columns of other types, such as vectors, are for search and never sent to a client. */
  supported: boolean;
  comment: string;
  /** Whether the application role may write and not read it. Marked `@unreadable` in the Prisma schema. */
  unreadable: boolean;
  /** The default, where it is one value and not a function. */
  default?: string | number | boolean;
  /** The maximum length of a `varchar`. */
  maxLength?: number;
}

/** A table of the Prisma schema, with its names in PostgreSQL. */
export interface TableModel {
  model: string;
  name: string;
  comment: string;
  columns: readonly ColumnModel[];
  references: readonly { table: string; columns: readonly string[]; optional: boolean }[];
}
