export interface ColumnModel {
  name: string;
  /** Its camelCase name in Prisma and in rows. */
  property: string;
  /** Prisma's type with its modifier, or PostgreSQL's where Prisma does not support it. */
  type: string;
  /** Whether Prisma supports the type. Those it does not, such as vectors, are for search and never sent to a client. */
  supported: boolean;
  comment: string;
  /** Whether the application role may write and not read it. Marked `@unreadable` in the Prisma schema. */
  unreadable: boolean;
}

/** A table of the Prisma schema, under the names PostgreSQL has. */
export interface TableModel {
  model: string;
  name: string;
  comment: string;
  columns: readonly ColumnModel[];
  references: readonly { table: string; columns: readonly string[]; optional: boolean }[];
}
