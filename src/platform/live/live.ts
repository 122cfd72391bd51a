import type { Viewer } from '../auth/viewer.ts';
import type { Logger } from '../lib/logger.ts';
import type { Database } from '../postgres/database.ts';
import type { SessionContext } from '../postgres/request-scope.ts';
import type { BufferedIterator } from './buffered-iterator.ts';
import type { ChangeLog, ChangePublisher, Sequenced } from './change-log.ts';
import type { NoticeBus, NoticeListener } from './transport/notice-bus.ts';

export interface LiveOptions {
  database: Database;
  /** `Live` starts and closes it. */
  transport: NoticeBus;
  /** Whether a credential that was verified before is still valid. Rejects if the check fails without a result. */
  revalidate: (viewer: Viewer) => Promise<boolean>;
  log: Logger;
  /** Poll interval in milliseconds, the maximum delay after a lost notice. One statement per followed topic and tenant. @default 1000 */
  pollIntervalMs?: number;
  /** Maximum age of a credential check, in milliseconds. @default 2000 */
  revalidateIntervalMs?: number;
  /** Maximum number of rows of a log in memory, and the lag beyond which a stalled reader is ended. @default 1000 */
  bufferSize?: number;
  /** Maximum number of rows of one statement. @default 500 */
  batchSize?: number;
  /** How long a lagging reader may pause between reads, in milliseconds. @default 5000 */
  maxPauseMs?: number;
}

export interface LogSubscriptionRequest {
  /** The viewer, whose permission the caller has just checked. */
  viewer: Viewer;
  /** The session context that looks up the object. */
  dbContext: SessionContext;
  /** The object that has the log. */
  id: string;
  /** Replays all rows after this sequence number first. @default new rows only */
  after?: number | undefined;
  /** Whether the stream also delivers drafts between the rows. */
  drafts?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Open resources, for metrics and leak tests. */
export interface LiveStats {
  /** Number of followed logs. */
  feeds: number;
  subscribers: number;
  timers: number;
}

/** Live views of change logs: they deliver rows that this process and others commit. */
export interface Live extends ChangePublisher {
  /**
   * Calls `listener` with notices of this process and others. A notice may be lost, repeated or unfounded.
   * @returns a function that removes the listener
   */
  onNotice(topic: string, listener: NoticeListener): () => void;
  /**
   * The rows of a log in order, each exactly once, even if notices are lost, repeated or reordered. The stream throws StreamEndedError when the
   * credential becomes invalid, the reader stalls, or the server stops. Throws NotFoundError, and ValidationError for an `after` beyond the
   * last sequence number.
   */
  subscribe<Row extends Sequenced>(log: ChangeLog<Row>, subscription: LogSubscriptionRequest): Promise<BufferedIterator<Row>>;
  stats(): LiveStats;
  /** Whether notices of other processes currently arrive. Without them, the poll delivers changes. */
  healthy(): boolean;
  /** Ends all streams with SERVER_SHUTDOWN and releases all resources. */
  close(): Promise<void>;
}
