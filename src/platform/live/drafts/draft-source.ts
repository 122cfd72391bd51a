import type { Database } from '../../postgres/database.ts';

/** A text that is being written beside a log, as one statement sees it. */
export interface DraftSnapshot {
  /** What its row in the log will be about, once it is whole. */
  readonly id: string;
  /** Rises with every write. See `restartOf`. */
  readonly version: number;
  /** Identifies what writes the text. */
  readonly writerId: string;
  readonly updatedAt: Date;
  /** What comes after what was known, or everything where that is void. */
  readonly text: string;
}

/** What a process has of a draft. */
export interface KnownDraft {
  id: string;
  version: number;
  /** Its length in Unicode code points, as SQL counts. */
  length: number;
}

export interface DraftQuestion {
  /** The object beside whose log the text stands. */
  id: string;
  known: KnownDraft | undefined;
}

export interface DraftAnswer {
  head: number;
  draft: DraftSnapshot | undefined;
}

/** Text that follows what a reader already has of a draft. */
export interface DraftDelta {
  readonly draftId: string;
  /** Where the text begins, in Unicode code points: what a reader has from there on is void. */
  readonly offset: number;
  readonly text: string;
}

/** Texts that are being written beside the logs of a source: a reader sees them grow between the rows. */
export interface DraftSource<Row> {
  /** Of the hints, whose number is the version of an object's draft. */
  readonly topic: string;
  /** The versions of the drafts of many objects of one tenant, by the ids of the objects. Those without one are left out. */
  readVersions(database: Database, ids: readonly string[]): Promise<Map<string, number>>;
  /**
   * The drafts of objects of one tenant as they are now, and the last numbers of their logs at the same moment, by the ids of the
   * objects. Those that are not there are left out.
   */
  read(database: Database, asked: readonly DraftQuestion[]): Promise<Map<string, DraftAnswer>>;
  /** The id of the draft that a row of the log puts an end to. */
  completedBy(row: Row): string | undefined;
  /** @param sequence the number of the reader's last row */
  toRow(of: { tenantId: string; id: string; sequence: number }, draft: Omit<DraftSnapshot, 'text'>, delta: DraftDelta): Row;
}

/** How many versions there are before a text that begins again must have the next start: more than it has characters. */
export const VERSIONS_PER_RESTART = 2 ** 20;

/** Which beginning a version belongs to. Within one, the text only grows. */
export function restartOf(version: number): number {
  return Math.floor(version / VERSIONS_PER_RESTART);
}

/** Whether one draft is another one that has grown. */
export function isContinuation(known: Pick<KnownDraft, 'id' | 'version'>, now: Pick<KnownDraft, 'id' | 'version'>): boolean {
  return known.id === now.id && restartOf(known.version) === restartOf(now.version);
}

/** Length in Unicode code points. Differs from `text.length` where there are characters beyond the first plane. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    if (text.charCodeAt(index) >>> 10 === 0b110110 && text.charCodeAt(index + 1) >>> 10 === 0b110111) count--;
  }
  return count;
}
