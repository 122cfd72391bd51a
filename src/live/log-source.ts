import type { Database } from '../db/database.ts';
import type { DraftSource } from './draft-source.ts';
import type { Topic } from './topics.ts';

/** A row of a log. Shared by all who follow it: never change it. */
export interface Numbered {
  readonly sequence: number;
}

/**
 * A numbered log of one object of a tenant, as the database keeps it. Numbers are given under the object's row lock, so that
 * their order is the order of commits. They may have gaps, and rows may go: what changed twice may be told once, under its
 * newest number, and the last number may be that of a row which is gone.
 */
export interface LogSource<Row extends Numbered> {
  readonly topic: Topic;
  /** What it is about, as in "The conversation was not found." */
  readonly subject: string;
  /** How a reader who was cut off after a number goes on, a sentence for people. */
  resume(after: number): string;
  /** The log's last number, as whoever acts. Undefined for an object they cannot see. */
  readHead(database: Database, id: string): Promise<number | undefined>;
  /** The last numbers of many logs of one tenant, by their ids. */
  readHeads(database: Database, ids: readonly string[]): Promise<Map<string, number>>;
  /** The next rows after a number, in order: `limit` of them, or all there are. */
  readAfter(database: Database, id: string, after: number, limit: number): Promise<Row[]>;
  /** What a row is a state of. A newer row then takes the place of an older one in memory. Without it, every row is kept. */
  keyOf?(row: Row): string;
  /** Texts that are being written beside the logs. */
  readonly drafts?: DraftSource<Row>;
}
