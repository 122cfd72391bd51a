import { UnreadableDocumentError } from './errors.ts';
import { normalizeWhitespace } from './formats/normalize-whitespace.ts';

/** Text of one place in a document. */
export interface TextBlock {
  /** Paragraphs are separated by an empty line. */
  text: string;
  /** From 1, where there are pages. */
  page: number | null;
  /** The headings it stands under, as `Guide › Install`. */
  section: string | null;
}

export const SECTION_SEPARATOR = ' › ';

const TITLE_LENGTH = 150;

/** A heading in a section's path. Six of them stay below the 1,000 characters that the path may have. */
export function sectionTitle(text: string): string {
  const title = normalizeWhitespace(text).replace(/\s+/g, ' ');
  if (title.length <= TITLE_LENGTH) return title;
  return `${title
    .slice(0, TITLE_LENGTH - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}

/** Gathers the passages of a document and sees to it that they do not become too much. */
export class TextBlockCollector {
  readonly blocks: TextBlock[] = [];
  readonly #maxCharacters: number;
  #characters = 0;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  add(text: string, place: { page?: number; section?: string | null } = {}): void {
    this.count(text.length);
    const clean = normalizeWhitespace(text);
    if (clean) this.blocks.push({ text: clean, page: place.page ?? null, section: place.section || null });
  }

  /** For text that is still being gathered. */
  reserve(characters: number): void {
    if (this.#characters + characters > this.#maxCharacters) throw tooMuchText(this.#maxCharacters);
  }

  count(characters: number): void {
    this.reserve(characters);
    this.#characters += characters;
  }
}

export function tooMuchText(maxCharacters: number): UnreadableDocumentError {
  const most = maxCharacters.toLocaleString('en');
  return new UnreadableDocumentError('TOO_LARGE', `The document has more than ${most} characters. Split it into several.`);
}
