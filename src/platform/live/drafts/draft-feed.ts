import { UnavailableError } from '../../lib/errors.ts';
import type { FeedReader } from '../recent-events.ts';
import type { DraftLoader } from './draft-loader.ts';
import { codePoints, type DraftSnapshot, isContinuation, type KnownDraft } from './draft-source.ts';

export interface DraftFeedOptions<Row> {
  reads: DraftLoader<Row>;
  tenantId: string;
  /** The object beside whose log the text stands. */
  id: string;
  /** Whether no row is known of that a reader who has read up to a number has yet to be given. */
  caughtUp: (cursor: number) => boolean;
  /** The database says that the log has reached this number. */
  reach: (head: number) => void;
  onUnavailable: (error: unknown) => void;
}

/** The text so far: the one copy that all readers are served from. */
interface Text extends KnownDraft {
  writerId: string;
  updatedAt: Date;
  content: string;
}

/** What a reader is told: the text from a place on, after the row of a number. */
interface Piece {
  id: string;
  version: number;
  cursor: number;
  index: number;
}

/**
 * Follows the text that is being written beside one log, for everybody in this process who reads it: one statement for each
 * wake-up, which brings what is new. Sleeps while nobody reads.
 */
export class DraftFeed<Row> {
  readonly #options: DraftFeedOptions<Row>;
  readonly #readers = new Set<FeedReader>();
  #text: Text | undefined;
  /** The last row that somebody was told. Those who read on at the same place share it, and what is made of it. */
  #last: (Piece & { row: Row }) | undefined;
  #stale = false;
  #fetching = false;
  /** Drafts that the log has put an end to since the running statement began, which may not see it yet. */
  readonly #settled = new Set<string>();

  constructor(options: DraftFeedOptions<Row>) {
    this.#options = options;
  }

  get followed(): boolean {
    return this.#readers.size > 0;
  }

  addReader(reader: FeedReader): DraftReader<Row> {
    this.#readers.add(reader);
    // What is in memory is kept up to date for those who came before.
    if (this.#readers.size === 1) this.refresh();
    return new DraftReader(
      (cursor) => this.#textFor(cursor),
      (text, told, cursor) => this.#rowOf(text, told, cursor),
    );
  }

  removeReader(reader: FeedReader): void {
    this.#readers.delete(reader);
    if (this.followed) return;
    this.#text = undefined;
    this.#last = undefined;
  }

  /** The draft has this version, or there is none. Lies and repetitions do no harm. */
  reportVersion(version: number | undefined): void {
    if (version !== this.#text?.version) this.refresh();
  }

  /** The draft may have changed. */
  refresh(): void {
    this.#stale = true;
    if (!this.#fetching) void this.#fetch();
  }

  /** Tells the readers that they may see the text now, or more of it. */
  wake(): void {
    for (const reader of this.#readers) reader.wake();
  }

  /** These rows of the log are in memory now: readers see them before any more text. */
  settle(rows: readonly Row[]): void {
    for (const row of rows) {
      const id = this.#options.reads.source.completedBy(row);
      if (id === undefined) continue;
      if (this.#fetching) this.#settled.add(id);
      if (this.#text?.id === id) this.#text = undefined;
    }
    // What happened may be the end of the run that wrote it.
    if (this.#text) this.refresh();
  }

  #textFor(cursor: number): Text | undefined {
    return this.#options.caughtUp(cursor) ? this.#text : undefined;
  }

  #rowOf(text: Text, { index, length }: DraftPosition, cursor: number): Row {
    const { id: draftId, version } = text;
    const last = this.#last;
    if (last && last.id === draftId && last.version === version && last.cursor === cursor && last.index === index)
      return last.row;
    const { reads, tenantId, id } = this.#options;
    const delta = { draftId, offset: length, text: text.content.slice(index) };
    const row = reads.source.toRow({ tenantId, id, sequence: cursor }, text, delta);
    this.#last = { id: draftId, version, cursor, index, row };
    return row;
  }

  async #fetch(): Promise<void> {
    const { reads, id, reach, onUnavailable } = this.#options;
    this.#fetching = true;
    try {
      while (this.#stale && this.followed) {
        this.#stale = false;
        this.#settled.clear();
        const known = this.#text;
        const { head, draft } = await reads.read(id, known);
        if (!this.followed) break;
        this.#text = draft && !this.#settled.has(draft.id) ? extended(known, draft) : undefined;
        // Rows that were there when the text was read come before it.
        reach(head);
        this.wake();
      }
    } catch (error) {
      // The poll tells the version again once the database answers.
      if (error instanceof UnavailableError) onUnavailable(error);
      else for (const reader of [...this.#readers]) reader.end(error);
    } finally {
      this.#fetching = false;
    }
  }
}

function extended(known: Text | undefined, { text, ...draft }: DraftSnapshot): Text {
  const length = codePoints(text);
  if (!known || !isContinuation(known, draft)) return { ...draft, content: text, length };
  return Object.assign(known, draft, { content: known.content + text, length: known.length + length });
}

/** How far a text was told: as JavaScript counts, and in Unicode code points. */
interface DraftPosition {
  index: number;
  length: number;
}

/** One reader's place in the text. Nothing waits for a slow one: what it is given is cut off when it asks. */
export class DraftReader<Row> {
  readonly #textFor: (cursor: number) => Text | undefined;
  readonly #rowOf: (text: Text, told: DraftPosition, cursor: number) => Row;
  /** What it was told last: of which draft, and how far. */
  #told: (KnownDraft & DraftPosition) | undefined;

  constructor(textFor: (cursor: number) => Text | undefined, rowOf: (text: Text, told: DraftPosition, cursor: number) => Row) {
    this.#textFor = textFor;
    this.#rowOf = rowOf;
  }

  /** Whether there is something to tell to a reader who has read the log up to a number. */
  ready(cursor: number): boolean {
    const text = this.#textFor(cursor);
    if (!text) return false;
    const told = this.#told;
    if (told && isContinuation(told, text)) return text.content.length > told.index;
    // Nothing is news to a reader of a text that begins again.
    return text.content !== '' || (told?.id === text.id && told.index > 0);
  }

  /** To be called when it is ready. */
  take(cursor: number): Row {
    const text = this.#textFor(cursor) as Text;
    const told = this.#told && isContinuation(this.#told, text) ? this.#told : { index: 0, length: 0 };
    this.#told = { id: text.id, version: text.version, length: text.length, index: text.content.length };
    return this.#rowOf(text, told, cursor);
  }
}
