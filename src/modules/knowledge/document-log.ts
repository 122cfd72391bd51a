import { isOneOf } from '../../db/ids.ts';
import { columnsOf } from '../../db/readable-columns.ts';
import { identifier, join, raw, rows, sql } from '../../db/sql.ts';
import type { Document } from '../../generated/prisma/client.ts';
import type { LogSource } from '../../live/live.ts';

/** A document as it is since its last change, under that change's number. */
export type DocumentRow = Readonly<Document> & { readonly sequence: number };

const columns = join(columnsOf('documents').map(identifier), ', ');

/** What becomes of the documents of a collection: each told in its newest state, however often it changed. */
export const documentLog: LogSource<DocumentRow> = {
  topic: 'collection',
  subject: 'The collection',
  keyOf: ({ id }) => id,
  resume: () => 'Subscribe again, and read the list of documents for what changed in between.',
  async readHead(database, id) {
    const [row] = await rows<{ sequence: number }>(
      database,
      sql`SELECT change_sequence::float8 AS sequence FROM collections WHERE id = ${id}::uuid`,
    );
    return row?.sequence;
  },
  async readHeads(database, ids) {
    const heads = await rows<{ id: string; sequence: number }>(
      database,
      sql`SELECT id, change_sequence::float8 AS sequence FROM collections WHERE ${isOneOf(raw('id'), ids)}`,
    );
    return new Map(heads.map(({ id, sequence }) => [id, sequence]));
  },
  readAfter: (database, id, after, limit) =>
    rows<DocumentRow>(
      database,
      sql`SELECT ${columns}, change_sequence::float8 AS sequence FROM documents
        WHERE collection_id = ${id}::uuid AND change_sequence > ${after}::bigint ORDER BY change_sequence LIMIT ${limit}::integer`,
    ),
};
