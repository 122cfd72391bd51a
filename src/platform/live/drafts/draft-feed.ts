import { UnavailableError } from '../../lib/errors.ts';
import type { FeedReader } from '../recent-events.ts';
import type { DraftLoader } from './draft-loader.ts';
import { codePoints, type DraftSnapshot, isContinuation, type KnownDraft } from './draft-source.ts';

export interface DraftFeedOptions<Row> {
  reads: DraftLoader<Row>;
  tenantId: string;
  /** The object that has the log and the draft. */
  id: string;
  /** Whether a reader at this cursor has received all known rows. */
  caughtUp: (cursor: number) => boolean;
  /** Records the last sequence number that the database returned. */
  reach: (head: number) => void;
  onUnavailable: (error: unknown) => void;
}

/** The text so far, in one copy for all readers. */
interface Text extends KnownDraft {
  writerId: string;
  updatedAt: Date;
  content: string;
}

/** A delivered piece: the text from `index` on, after the row at `cursor`. */
interface Piece {
  id: string;
  version: number;
  cursor: number;
  index: number;
}

/**
 * Follows the draft beside one log for all readers of this process: one statement for each notice reads the new text. It is idle without
 * readers.
 */
export class DraftFeed<Row> {
  readonly #options: DraftFeedOptions<Row>;
  readonly #readers = new Set<FeedReader>();
  #text: Text | undefined;
  /** The last delivered row. Readers at the same position share it and its results. */
  #last: (Piece & { row: Row }) | undefined;
  #stale = false;
  #fetching = false;
  /** Drafts that rows of the log completed since the running statement started, which may still return them. */
  readonly #settled = new Set<string>();

  constructor(options: DraftFeedOptions<Row>) {
    this.#options = options;
  }

  get followed(): boolean {
    return this.#readers.size > 0;
  }

  addReader(reader: FeedReader): DraftReader<Row> {
    this.#readers.add(reader);
    // With earlier readers, the text in memory is up to date.
    if (this.#readers.size === 1) this.refresh();
    return new DraftReader(
      (cursor) => this.#textFor(cursor),
      (text, delivered, cursor) => this.#rowOf(text, delivered, cursor),
    );
  }

  removeReader(reader: FeedReader): void {
    this.#readers.delete(reader);
    if (this.followed) return;
    this.#text = undefined;
    this.#last = undefined;
  }

  /** Handles a notice of a version, undefined for no draft. Wrong and repeated notices are harmless. */
  reportVersion(version: number | undefined): void {
    if (version !== this.#text?.version) this.refresh();
  }

  /** Reads the draft again. */
  refresh(): void {
    this.#stale = true;
    if (!this.#fetching) void this.#fetch();
  }

  /** Wakes the readers, for which text may be available. */
  wake(): void {
    for (const reader of this.#readers) reader.wake();
  }

  /** Handles new rows of the log, which readers receive before further text. */
  settle(rows: readonly Row[]): void {
    for (const row of rows) {
      const id = this.#options.reads.source.completedBy(row);
      if (id === undefined) continue;
      if (this.#fetching) this.#settled.add(id);
      if (this.#text?.id === id) this.#text = undefined;
    }
    // The rows may include the end of the run that writes the draft.
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
        // Rows that existed when the text was read precede it.
        reach(head);
        this.wake();
      }
    } catch (error) {
      // The poll reports the version when the database is available again.
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

/** The end of the delivered text: `index` in UTF-16 code units, `length` in Unicode code points. */
interface DraftPosition {
  index: number;
  length: number;
}

/** One reader's position in the draft. Each read returns all text since the last one, so a slow reader delays nothing. */
export class DraftReader<Row> {
  readonly #textFor: (cursor: number) => Text | undefined;
  readonly #rowOf: (text: Text, delivered: DraftPosition, cursor: number) => Row;
  /** The last delivered draft and position. */
  #delivered: (KnownDraft & DraftPosition) | undefined;

  constructor(
    textFor: (cursor: number) => Text | undefined,
    rowOf: (text: Text, delivered: DraftPosition, cursor: number) => Row,
  ) {
    this.#textFor = textFor;
    this.#rowOf = rowOf;
  }

  /** Whether text is available for a reader at this cursor. */
  ready(cursor: number): boolean {
    const text = this.#textFor(cursor);
    if (!text) return false;
    const delivered = this.#delivered;
    if (delivered && isContinuation(delivered, text)) return text.content.length > delivered.index;
    // An empty text is only delivered to a reader whose earlier text it replaces.
    return text.content !== '' || (delivered?.id === text.id && delivered.index > 0);
  }

  /** Call it only if `ready` returns true. */
  take(cursor: number): Row {
    const text = this.#textFor(cursor) as Text;
    const delivered = this.#delivered && isContinuation(this.#delivered, text) ? this.#delivered : { index: 0, length: 0 };
    this.#delivered = { id: text.id, version: text.version, length: text.length, index: text.content.length };
    return this.#rowOf(text, delivered, cursor);
  }
}
