import { tableModels } from '../../generated/data-model.ts';

const readableColumns = new Map(
  tableModels.map(({ name, columns }) => {
    // The database searches by columns of unsupported types, such as vectors. No query selects them.
    const readable = columns.filter(({ supported, unreadable }) => supported && !unreadable);
    return [name, readable.map((column) => column.name)];
  }),
);

/**
 * The columns of a table that lists and loaders select, by their SQL names: all but those marked `@unreadable` in the Prisma schema. Throws
 * for a table that is not in the data model.
 */
export function columnsOf(table: string): readonly string[] {
  const columns = readableColumns.get(table);
  if (!columns) throw new Error(`the data model has no table ${table}`);
  return columns;
}
