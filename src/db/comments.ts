import pg from 'pg';
import { schemaFiles } from './schema-engine.ts';

export interface DocumentedColumn {
  name: string;
  type: string;
  comment: string;
}

export interface DocumentedTable {
  model: string;
  name: string;
  file: string;
  comment: string;
  columns: DocumentedColumn[];
}

/** What Prisma has no word for: the type stands in brackets. */
const UNSUPPORTED = 'Unsupported';

const SCALARS = new Set(['String', 'Boolean', 'Int', 'BigInt', 'Float', 'Decimal', 'DateTime', 'Json', 'Bytes', 'Unsupported']);

/** The tables of the Prisma schema with their `///` comments, in the order they are written. */
export function documentedTables(files = schemaFiles()): DocumentedTable[] {
  const enums = new Set(files.flatMap(({ content }) => [...content.matchAll(/^enum (\w+)/gm)].map((match) => match[1] ?? '')));
  return files.flatMap(({ path, content }) =>
    [...content.matchAll(/((?:^\/\/\/.*\n)*)^model (\w+) \{\n([\s\S]*?)^\}/gm)].map(
      ([, comment = '', model = '', body = '']) => ({
        model,
        name: body.match(/@@map\("(\w+)"\)/)?.[1] ?? model,
        file: path.replace(/^.*\//, ''),
        comment: text(comment),
        columns: [...body.matchAll(/((?:^ *\/\/\/.*\n)*)^ {2}(\w+) +(\w+)(\[\]|\?)?(.*)$/gm)].flatMap(
          ([, columnComment = '', field = '', type = '', modifier = '', attributes = '']) =>
            SCALARS.has(type) || enums.has(type)
              ? [
                  {
                    name: attributes.match(/@map\("(\w+)"\)/)?.[1] ?? field,
                    type: `${type === UNSUPPORTED ? (attributes.match(/^\("(.+?)"\)/)?.[1] ?? type) : type}${modifier}`,
                    comment: text(columnComment),
                  },
                ]
              : [],
        ),
      }),
    ),
  );
}

function text(comment: string): string {
  return comment
    .replaceAll(/^ *\/\/\/ ?/gm, '')
    .trim()
    .replaceAll('\n', ' ');
}

/** COMMENT statements for every table and column, so that the database explains itself. */
export function commentsSql(files = schemaFiles()): string {
  return documentedTables(files)
    .flatMap(({ name, comment, columns }) => [
      `COMMENT ON TABLE public.${name} IS ${pg.escapeLiteral(comment)}`,
      ...columns.map((column) => `COMMENT ON COLUMN public.${name}.${column.name} IS ${pg.escapeLiteral(column.comment)}`),
    ])
    .join(';\n');
}
