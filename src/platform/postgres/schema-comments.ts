import pg from 'pg';
import { tableModels } from '../../generated/data-model.ts';

/** COMMENT statements for every table and column, so that the database explains itself. */
export function commentsSql(): string {
  return tableModels
    .flatMap(({ name, comment, columns }) => [
      `COMMENT ON TABLE public.${name} IS ${pg.escapeLiteral(comment)}`,
      ...columns.map((column) => `COMMENT ON COLUMN public.${name}.${column.name} IS ${pg.escapeLiteral(column.comment)}`),
    ])
    .join(';\n');
}
