import { TextBuffer } from './text-buffer.ts';

/** Separators between two texts. Of several, the strongest applies. */
export const separators = ['', ' ', '\n', '\n\n'] as const;
export const [NOTHING, SPACE, LINE, PARAGRAPH] = [0, 1, 2, 3] as const;
export type Break = 0 | 1 | 2 | 3;

/** Joins the texts of a page as they are displayed: one line per table row, and an empty line between paragraphs. */
export class HtmlTextBuilder {
  readonly #text = new TextBuffer();
  readonly #rows: { cells: number; written: boolean }[] = [];
  #pending: Break = NOTHING;
  #pendingCells = 0;
  #mark = '';

  get length(): number {
    return this.#text.length;
  }

  /** Ends a word, line or paragraph before the next text. Within a table row, paragraphs do not apply. */
  break(kind: Break): void {
    const most = this.#rows.length > 0 && kind > LINE ? LINE : kind;
    if (most > this.#pending) this.#pending = most;
  }

  /** Sets a prefix of the next text, such as the dash of a list item. */
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

  /** Adds text and collapses its whitespace. */
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

  /** Returns the collected text and resets the builder. */
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
