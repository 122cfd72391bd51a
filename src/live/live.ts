import type { Viewer } from '../auth/viewer.ts';
import type { DbContext } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import type { Logger } from '../lib/logger.ts';
import { LiveViews } from './live-views.ts';
import type { LogSource, Numbered } from './log-source.ts';
import type { ReadyIterator } from './ready.ts';
import type { Hint, Topic } from './topics.ts';
import type { HintListener, WakeUpTransport } from './transport.ts';

export { codePoints, type DraftDelta, startOf, VERSIONS_PER_START } from './draft-source.ts';
export { batchOf, type ConversationEventRow, conversationLog, readTogether } from './event-log.ts';
export type { LogSource, Numbered } from './log-source.ts';
export { type StreamEndCode, StreamEndedError } from './stream-ended-error.ts';

export interface LiveOptions {
  database: Database;
  /** Started and closed with the live views. */
  transport: WakeUpTransport;
  /** Whether a credential that was verified before still holds. Rejects when that cannot be told at the moment. */
  recheck: (viewer: Viewer) => Promise<boolean>;
  log: Logger;
  /** How long a lost wake-up may go unnoticed. One statement each time and tenant that is followed. @default 1000 */
  pollIntervalMs?: number;
  /** How long a right may be relied on. @default 2000 */
  recheckIntervalMs?: number;
  /** Rows of a log kept in memory for all its readers, and how far behind a reader may stay. @default 1000 */
  bufferSize?: number;
  /** Events read by one statement. @default 500 */
  batchSize?: number;
  /** How long a reader that is too far behind may go without asking for an event. @default 5000 */
  maxPauseMs?: number;
}

export interface LogSubscription {
  /** Whose rights at the object were checked by the caller just now. */
  viewer: Viewer;
  /** As whom the object is looked up. */
  dbContext: DbContext;
  /** The object whose log is followed. */
  id: string;
  /** Everything after this number is told again first. Without it, only what is new. */
  after?: number | undefined;
  /** Whether the text that is being written beside the log is told as well, between the rows. */
  drafts?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** What is open at this moment, for metrics and for tests that look for leaks. */
export interface LiveStats {
  /** Logs that are followed. */
  feeds: number;
  subscribers: number;
  timers: number;
}

/** Views of what happens in conversations and collections, as it happens, in this process and others. */
export interface Live {
  /**
   * Tells everybody that a log has reached a number. To be called after the commit.
   * @param row what the log has under that number, exactly as it would be read: those who follow it in this process get it without a statement
   */
  announce(change: Hint, row?: Numbered): void;
  /**
   * Hears what is announced, here and in other processes: at once or never, perhaps twice, perhaps without a reason.
   * @returns takes the listener back
   */
  onHint(topic: Topic, listener: HintListener): () => void;
  /**
   * The rows of a log in their order, each once, whatever wake-ups are lost, doubled or reordered. Ends by
   * throwing StreamEndedError when the right is lost, the reader does not read, or the server stops.
   * Throws NotFoundError, and ValidationError for an `after` that was never reached.
   */
  follow<Row extends Numbered>(source: LogSource<Row>, subscription: LogSubscription): Promise<ReadyIterator<Row>>;
  stats(): LiveStats;
  /** Whether wake-ups of other processes arrive at this moment. Without them views are as slow as the poll. */
  healthy(): boolean;
  /** Ends all views with SERVER_SHUTDOWN and leaves nothing behind. */
  close(): Promise<void>;
}

export function createLive(options: LiveOptions): Live {
  return new LiveViews(options);
}
