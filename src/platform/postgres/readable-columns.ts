import { tableModels } from '../../generated/data-model.ts';

/**
 * Columns the application role may write and not read, by model and property: secrets and hashes. Prisma omits them, and so do our lists
 * and loaders. A catalog test compares them with the grants.
 */
export const unreadableColumns = {
  user: { passwordHash: true },
  invitation: { tokenHash: true },
  refreshToken: { tokenHash: true },
  apiKey: { keyHash: true },
} as const;

function unreadableOf(model: string): Readonly<Record<string, true>> {
  const key = model.charAt(0).toLowerCase() + model.slice(1);
  return (unreadableColumns as Record<string, Record<string, true>>)[key] ?? {};
}

const readableColumns = new Map(
  tableModels.map(({ model, name, columns }) => {
    const unreadable = unreadableOf(model);
    // Unsupported types, such as vectors, are what the database searches by: nothing reads them as values.
    const readable = columns.filter(({ property, supported }) => supported && !unreadable[property]);
    return [name, readable.map((column) => column.name)];
  }),
);

/** The columns of a table that lists and loaders may select, by their SQL names. Throws for a table that is not in the data model. */
export function columnsOf(table: string): readonly string[] {
  const columns = readableColumns.get(table);
  if (!columns) throw new Error(`the data model has no table ${table}`);
  return columns;
}
