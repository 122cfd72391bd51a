import type { Database } from '../postgres/database.ts';
import { anyId } from '../postgres/id-arrays.ts';
import { columnsOf } from '../postgres/readable-columns.ts';
import { afterCommit } from '../postgres/request-scope.ts';
import { identifier, join, queryRows, raw, sql } from '../postgres/sql.ts';
import type { DraftSource } from './drafts/draft-source.ts';
import { type ChangeNotice, registerTopic } from './topics.ts';

/** A row of a log. All readers share it: treat it as immutable. */
export interface Sequenced {
  readonly sequence: number;
}

/** The current state of a row with the sequence number of its last change. */
export type Changed<Row> = Readonly<Row> & Sequenced;

/**
 * A numbered log of one object of a tenant, stored in the database. Triggers assign sequence numbers under the object's row lock, so that
 * their order is the commit order. Numbers may have gaps and rows may be deleted: a row that changed twice may be delivered once, under its
 * newest number, and the last number may belong to a deleted row.
 */
export interface ChangeLog<Row extends Sequenced> {
  /** The topic of its notices. Each topic has one log. */
  readonly topic: string;
  /** The object that has the log, for messages such as "The collection was not found." */
  readonly subject: string;
  /** A sentence for error messages: how to resume after a sequence number. */
  resume(after: number): string;
  /** The last sequence number of the log. Undefined for an object that is not visible to the viewer. */
  lastSequence(database: Database, id: string): Promise<number | undefined>;
  /** The last sequence numbers of logs of one tenant, by object id. */
  lastSequences(database: Database, ids: readonly string[]): Promise<Map<string, number>>;
  /** The next rows after a sequence number, in order, at most `limit`. */
  readAfter(database: Database, id: string, after: number, limit: number): Promise<Row[]>;
  /** The key of the entity whose state a row is: a newer row replaces older rows of the key in memory. Without it, memory holds every row. */
  keyOf?(row: Row): string;
  /** Drafts beside the logs. */
  readonly drafts?: DraftSource<Row>;
}

/** Publishes changes. `Live` implements it. */
export interface ChangePublisher {
  /**
   * Notifies all readers that a log has reached a sequence number. Call it after the commit.
   * @param row the row with that number, exactly as a read returns it: readers of this process receive it without a statement
   */
  announce(change: ChangeNotice, row?: Sequenced): void;
}

/** Declares a log: registers its topic, and that of its drafts. Throws if another log has the topic. */
export function defineLog<Row extends Sequenced>(log: ChangeLog<Row>): ChangeLog<Row> {
  registerTopic(log.topic);
  if (log.drafts) registerTopic(log.drafts.topic);
  return log;
}

export interface ChangeLogOptions {
  topic: string;
  /** See `ChangeLog`. */
  subject: string;
  /** A sentence for error messages: how to resume. */
  resume: string;
  /** The table of the rows. Its `change_sequence` is the number of a row's last change. */
  table: string;
  /**
   * The table of the objects, whose `change_sequence` is the last sequence number of their logs, and the column of `table` that references
   * them. Without it, each row has its own log.
   */
  parent?: { table: string; column: string };
}

/** A log of current row states: it delivers the newest state of each changed row. */
export function changeLog<Row extends { id: string }>(options: ChangeLogOptions): ChangeLog<Changed<Row>> {
  const { topic, subject, resume, table, parent } = options;
  const from = identifier(table);
  const objects = identifier(parent?.table ?? table);
  const columns = join(columnsOf(table).map(identifier), ', ');
  const object = identifier(parent?.column ?? 'id');
  // Some columns are bigint. Sequence numbers stay far below 2^53.
  const sequence = raw('change_sequence::float8 AS sequence');
  return defineLog<Changed<Row>>({
    topic,
    subject,
    resume: () => resume,
    keyOf: ({ id }) => id,
    async lastSequence(database, id) {
      const [row] = await queryRows<Sequenced>(database, sql`SELECT ${sequence} FROM ${objects} WHERE id = ${id}::uuid`);
      return row?.sequence;
    },
    async lastSequences(database, ids) {
      const found = await queryRows<Sequenced & { id: string }>(
        database,
        sql`SELECT id, ${sequence} FROM ${objects} WHERE ${anyId(raw('id'), ids)}`,
      );
      return new Map(found.map((row) => [row.id, row.sequence]));
    },
    readAfter: (database, id, after, limit) =>
      queryRows<Changed<Row>>(
        database,
        sql`SELECT ${columns}, ${sequence} FROM ${from}
          WHERE ${object} = ${id}::uuid AND change_sequence > ${after}::bigint ORDER BY change_sequence LIMIT ${limit}::integer`,
      ),
  });
}

/** Publishes the sequence number that the log of an object has reached, after the commit of the running transaction. */
export function publishChange(
  publisher: ChangePublisher,
  { topic }: { readonly topic: string },
  { tenantId, id, sequence }: { tenantId: string; id: string; sequence: number | bigint },
): void {
  afterCommit(() => publisher.announce({ topic, tenantId, id, sequence: Number(sequence) }));
}
