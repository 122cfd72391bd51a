import type { Database } from '../../postgres/database.ts';

/** A draft beside a log: text that is still being generated, from one snapshot. */
export interface DraftSnapshot {
  /** The id of the object that the completed draft becomes, such as a message. */
  readonly id: string;
  /** Increases with each write. See `restartOf`. */
  readonly version: number;
  /** The id of the writer, such as a run. */
  readonly writerId: string;
  readonly updatedAt: Date;
  /** The text after the known text, or all text if the known text is void. */
  readonly text: string;
}

/** The part of a draft that the process has read. */
export interface KnownDraft {
  id: string;
  version: number;
  /** Length in Unicode code points, as SQL counts. */
  length: number;
}

export interface DraftQuestion {
  /** The object that has the log and the draft. */
  id: string;
  known: KnownDraft | undefined;
}

export interface DraftAnswer {
  head: number;
  draft: DraftSnapshot | undefined;
}

/** Text of a draft after the text that the reader already has. */
export interface DraftDelta {
  readonly draftId: string;
  /** Position of the text in Unicode code points. It replaces everything that the reader has from there on. */
  readonly offset: number;
  readonly text: string;
}

/** The drafts beside the logs of a topic. Readers receive their text between the rows. */
export interface DraftSource<Row> {
  /** The topic of notices whose sequence number is the version of the draft. */
  readonly topic: string;
  /** The draft versions of objects of one tenant, by object id. Omits objects without a draft. */
  readVersions(database: Database, ids: readonly string[]): Promise<Map<string, number>>;
  /**
   * The drafts of objects of one tenant and the last sequence numbers of their logs, from one snapshot, by object id. Omits objects that do not
   * exist.
   */
  read(database: Database, questions: readonly DraftQuestion[]): Promise<Map<string, DraftAnswer>>;
  /** The id of the draft that a row of the log completes. */
  completedBy(row: Row): string | undefined;
  /** @param of `sequence` is the number of the reader's last row */
  toRow(of: { tenantId: string; id: string; sequence: number }, draft: Omit<DraftSnapshot, 'text'>, delta: DraftDelta): Row;
}

/** Number of versions per restart. It exceeds the number of characters of a text, and with it the number of writes. */
export const VERSIONS_PER_RESTART = 2 ** 20;

/** The restart that a version belongs to. Between restarts, text is only appended. */
export function restartOf(version: number): number {
  return Math.floor(version / VERSIONS_PER_RESTART);
}

/** Whether a draft continues a known draft without a restart. */
export function isContinuation(known: Pick<KnownDraft, 'id' | 'version'>, now: Pick<KnownDraft, 'id' | 'version'>): boolean {
  return known.id === now.id && restartOf(known.version) === restartOf(now.version);
}

/** Length in Unicode code points. Differs from `text.length` for characters outside the Basic Multilingual Plane. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    if (text.charCodeAt(index) >>> 10 === 0b110110 && text.charCodeAt(index + 1) >>> 10 === 0b110111) count--;
  }
  return count;
}
