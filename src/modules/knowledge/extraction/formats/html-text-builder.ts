import { TextBuffer } from './text-buffer.ts';

/** What stands between two texts. The strongest of several counts. */
export const separators = ['', ' ', '\n', '\n\n'] as const;
export const [NOTHING, SPACE, LINE, PARAGRAPH] = [0, 1, 2, 3] as const;
export type Break = 0 | 1 | 2 | 3;

/** Puts the texts of a page together as they would be read: one line per table row, paragraphs apart. */
export class HtmlTextBuilder {
  readonly #text = new TextBuffer();
  readonly #rows: { cells: number; written: boolean }[] = [];
  #pending: Break = NOTHING;
  #pendingCells = 0;
  #mark = '';

  get length(): number {
    return this.#text.length;
  }

  /** Ends a word, line or paragraph, once more text comes. A row of a table has no paragraphs. */
  break(kind: Break): void {
    const most = this.#rows.length > 0 && kind > LINE ? LINE : kind;
    if (most > this.#pending) this.#pending = most;
  }

  /** What the next text begins with, such as the dash of a list's item. */
  mark(text: string): void {
    this.#mark = text;
  }

  openRow(): void {
    this.#endCells(LINE);
    this.#rows.push({ cells: 0, written: false });
  }

  openCell(): void {
    const row = this.#rows.at(-1);
    if (!row) {
      this.break(SPACE);
      return;
    }
    if (row.cells > 0) this.#pendingCells += 1;
    row.cells += 1;
  }

  closeRow(): void {
    this.#rows.pop();
    this.#endCells(LINE);
  }

  /** Text whose blank space means nothing but a space. */
  flow(text: string): void {
    const trimmed = text.trim();
    if (trimmed.length < text.length && /^\s/.test(text)) this.break(SPACE);
    if (!trimmed) return;
    this.literal(trimmed.replace(/\s+/g, ' '));
    if (/\s/.test(text.at(-1) as string)) this.break(SPACE);
  }

  literal(text: string): void {
    if (!text) return;
    const row = this.#rows.at(-1);
    const cells = this.#pendingCells > 0 ? `${' |'.repeat(this.#pendingCells)} ` : '';
    if (cells && row?.written) this.#text.push(cells);
    else if (this.#text.length > 0) this.#text.push(separators[this.#pending] + cells.trimStart());
    this.#text.push(this.#mark + text);
    if (row) row.written = true;
    this.#pending = NOTHING;
    this.#pendingCells = 0;
    this.#mark = '';
  }

  /** The text so far. The next begins anew. */
  take(): string {
    this.#pending = NOTHING;
    this.#pendingCells = 0;
    this.#mark = '';
    return this.#text.take();
  }

  #endCells(kind: Break): void {
    this.#pendingCells = 0;
    this.break(kind);
  }
}
