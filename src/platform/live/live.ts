import type { Viewer } from '../auth/viewer.ts';
import type { Logger } from '../lib/logger.ts';
import type { Database } from '../postgres/database.ts';
import type { SessionContext } from '../postgres/request-scope.ts';
import type { BufferedIterator } from './buffered-iterator.ts';
import type { ChangeLog, ChangePublisher, Sequenced } from './change-log.ts';
import type { NoticeBus, NoticeListener } from './transport/notice-bus.ts';

export interface LiveOptions {
  database: Database;
  /** Started and closed with the live views. */
  transport: NoticeBus;
  /** Whether a credential that was verified before still holds. Rejects when that cannot be told at the moment. */
  revalidate: (viewer: Viewer) => Promise<boolean>;
  log: Logger;
  /** How long a lost wake-up may go unnoticed. One statement each time and tenant that is followed. @default 1000 */
  pollIntervalMs?: number;
  /** How long a right may be relied on. @default 2000 */
  revalidateIntervalMs?: number;
  /** Rows of a log kept in memory for all its readers, and how far behind a reader may stay. @default 1000 */
  bufferSize?: number;
  /** Events read by one statement. @default 500 */
  batchSize?: number;
  /** How long a reader that is too far behind may go without asking for an event. @default 5000 */
  maxPauseMs?: number;
}

export interface LogSubscriptionRequest {
  /** Whose rights at the object were checked by the caller just now. */
  viewer: Viewer;
  /** As whom the object is looked up. */
  dbContext: SessionContext;
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

/** Live views of change logs: rows as they are committed, in this process and others. */
export interface Live extends ChangePublisher {
  /**
   * Hears what is announced, here and in other processes: at once or never, perhaps twice, perhaps without a reason.
   * @returns takes the listener back
   */
  onNotice(topic: string, listener: NoticeListener): () => void;
  /**
   * The rows of a log in their order, each once, whatever wake-ups are lost, doubled or reordered. Ends by
   * throwing StreamEndedError when the right is lost, the reader does not read, or the server stops.
   * Throws NotFoundError, and ValidationError for an `after` that was never reached.
   */
  subscribe<Row extends Sequenced>(log: ChangeLog<Row>, subscription: LogSubscriptionRequest): Promise<BufferedIterator<Row>>;
  stats(): LiveStats;
  /** Whether wake-ups of other processes arrive at this moment. Without them views are as slow as the poll. */
  healthy(): boolean;
  /** Ends all views with SERVER_SHUTDOWN and leaves nothing behind. */
  close(): Promise<void>;
}
