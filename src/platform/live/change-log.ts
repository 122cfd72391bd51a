import type { Database } from '../postgres/database.ts';
import { anyId } from '../postgres/id-arrays.ts';
import { columnsOf } from '../postgres/readable-columns.ts';
import { afterCommit } from '../postgres/request-scope.ts';
import { identifier, join, queryRows, raw, sql } from '../postgres/sql.ts';
import type { DraftSource } from './drafts/draft-source.ts';
import { type ChangeNotice, registerTopic } from './topics.ts';

/** A row of a log. Shared by all its readers: never change it. */
export interface Sequenced {
  readonly sequence: number;
}

/** A row as it is since its last change, under that change's number. */
export type Changed<Row> = Readonly<Row> & Sequenced;

/**
 * A numbered log of one object of a tenant, as the database keeps it. Numbers are taken under the object's row lock, so that
 * their order is the order of commits. They may have gaps, and rows may go: what changed twice may be delivered once, under its
 * newest number, and the last number may be that of a row which is gone.
 */
export interface ChangeLog<Row extends Sequenced> {
  /** On the wire. One topic has one log. */
  readonly topic: string;
  /** The object whose log it is, as in "The collection was not found." */
  readonly subject: string;
  /** How a reader who was cut off after a number resumes, a sentence for people. */
  resume(after: number): string;
  /** The log's last number, as the current viewer sees it. Undefined for an object they cannot see. */
  lastSequence(database: Database, id: string): Promise<number | undefined>;
  /** The last numbers of many logs of one tenant, by their ids. */
  lastSequences(database: Database, ids: readonly string[]): Promise<Map<string, number>>;
  /** The next rows after a number, in order: `limit` of them, or all there are. */
  readAfter(database: Database, id: string, after: number, limit: number): Promise<Row[]>;
  /** Identifies what a row is a state of. A newer row then replaces an older one in memory. Without it, every row is kept. */
  keyOf?(row: Row): string;
  /** Texts that are being written beside the logs. */
  readonly drafts?: DraftSource<Row>;
}

/** Publishes changes. `Live` is one. */
export interface ChangePublisher {
  /**
   * Wakes all readers of a log, which has reached a number. To be called after the commit.
   * @param row what the log has under that number, exactly as it would be read: readers in this process get it without a statement
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
  /** How a reader who was cut off resumes, a sentence for people. */
  resume: string;
  /** The table of the rows. Its `change_sequence` is the number of a row's last change. */
  table: string;
  /**
   * The table of the objects, whose `change_sequence` is the last number of their logs, and the column of `table` that refers to them.
   * Without it, each row has a log of its own.
   */
  parent?: { table: string; column: string };
}

/** A log of the current states of rows: each is delivered in its newest state, however often it changed. */
export function changeLog<Row extends { id: string }>(options: ChangeLogOptions): ChangeLog<Changed<Row>> {
  const { topic, subject, resume, table, parent } = options;
  const from = identifier(table);
  const objects = identifier(parent?.table ?? table);
  const columns = join(columnsOf(table).map(identifier), ', ');
  const object = identifier(parent?.column ?? 'id');
  // The columns of some tables are bigint. Numbers stay far below 2^53.
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

/** Publishes that an object's log has reached a number, once the running transaction has committed. */
export function publishChange(
  publisher: ChangePublisher,
  { topic }: { readonly topic: string },
  { tenantId, id, sequence }: { tenantId: string; id: string; sequence: number | bigint },
): void {
  afterCommit(() => publisher.announce({ topic, tenantId, id, sequence: Number(sequence) }));
}
