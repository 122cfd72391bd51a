import { UnreadableDocumentError } from './errors.ts';
import { normalizeWhitespace } from './formats/normalize-whitespace.ts';

/** Text of one page or section of a document. */
export interface TextBlock {
  /** Paragraphs are separated by an empty line. */
  text: string;
  /** Number of the page, from 1. Null for formats without pages. */
  page: number | null;
  /** The headings above the text, such as `Guide › Install`. */
  section: string | null;
}

export const SECTION_SEPARATOR = ' › ';

const TITLE_LENGTH = 150;

/** A heading in a section's path, truncated so that six of them fit into the column's 1,000 characters. */
export function sectionTitle(text: string): string {
  const title = normalizeWhitespace(text).replace(/\s+/g, ' ');
  if (title.length <= TITLE_LENGTH) return title;
  return `${title
    .slice(0, TITLE_LENGTH - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}

/** Collects the blocks of a document. Throws UnreadableDocumentError when their text exceeds the limit. */
export class TextBlockCollector {
  readonly blocks: TextBlock[] = [];
  readonly #maxCharacters: number;
  #characters = 0;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  add(text: string, location: { page?: number; section?: string | null } = {}): void {
    this.count(text.length);
    const clean = normalizeWhitespace(text);
    if (clean) this.blocks.push({ text: clean, page: location.page ?? null, section: location.section || null });
  }

  /** Throws UnreadableDocumentError if so many more characters would exceed the limit. Does not count them. */
  reserve(characters: number): void {
    if (this.#characters + characters > this.#maxCharacters) throw tooMuchText(this.#maxCharacters);
  }

  count(characters: number): void {
    this.reserve(characters);
    this.#characters += characters;
  }
}

export function tooMuchText(maxCharacters: number): UnreadableDocumentError {
  const limit = maxCharacters.toLocaleString('en');
  return new UnreadableDocumentError(
    'TOO_LARGE',
    `The document has more than ${limit} characters. Split it into smaller documents.`,
  );
}
