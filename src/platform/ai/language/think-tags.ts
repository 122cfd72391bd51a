/** Tags with which models mark their reasoning in the text of an answer. */
const PAIRS = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
] as const;

const LONGEST = Math.max(...PAIRS.map(([open]) => open.length));
/** A tag with white space. */
const MAX_TAG_LINE = 64;

/** Receives the parts of an answer. */
export interface ThinkTagReader {
  onText(text: string): void;
  onReasoning(text: string): void;
  /** The text so far was reasoning: the model ended it with a tag that it had not begun. */
  onTextWasReasoning(): void;
}

/**
 * Separates reasoning at the beginning of a streamed text from the answer. A tag elsewhere is text, because answers also write about tags.
 * The exception is an end without a beginning, alone on its line: the templates of some models begin the reasoning themselves.
 */
export class ThinkTagSplitter {
  readonly #reader: ThinkTagReader;
  #state: 'start' | 'reasoning' | 'text' = 'start';
  #close = '';
  /** What is not decided: a part of a tag, or white space before the answer. */
  #pending = '';
  #hasReasoned = false;
  /** The beginning of the current line of the answer, as far as it was delivered. */
  #line = '';
  #inCode = false;

  constructor(reader: ThinkTagReader) {
    this.#reader = reader;
  }

  push(piece: string): void {
    this.#pending += piece;
    while (this.#pending !== '' && this.#step());
  }

  /** Delivers the rest after the last piece. */
  end(): void {
    const rest = this.#pending;
    this.#pending = '';
    if (this.#state === 'reasoning') this.#reader.onReasoning(rest);
    else if (this.#state === 'text' && this.#endsReasoning(this.#line + rest)) this.#turnToReasoning('');
    // White space after reasoning is no answer.
    else if (!this.#hasReasoned || rest.trim() !== '') this.#write(rest);
  }

  /** Handles a part of what is pending. Returns false if it needs more. */
  #step(): boolean {
    if (this.#state === 'start') return this.#begin();
    if (this.#state === 'reasoning') return this.#reason();
    return this.#answer();
  }

  #begin(): boolean {
    const trimmed = this.#pending.trimStart();
    const lower = trimmed.toLowerCase();
    const pair = PAIRS.find(([open]) => lower.startsWith(open.toLowerCase()));
    if (pair) {
      this.#state = 'reasoning';
      this.#hasReasoned = true;
      this.#close = pair[1];
      this.#pending = trimmed.slice(pair[0].length);
      return true;
    }
    if (lower.length < LONGEST && PAIRS.some(([open]) => open.toLowerCase().startsWith(lower))) return false;
    this.#state = 'text';
    if (this.#hasReasoned) this.#pending = trimmed;
    return true;
  }

  #reason(): boolean {
    const at = this.#pending.toLowerCase().indexOf(this.#close.toLowerCase());
    if (at >= 0) {
      this.#reader.onReasoning(this.#pending.slice(0, at));
      this.#pending = this.#pending.slice(at + this.#close.length);
      this.#state = 'start';
      return true;
    }
    const held = heldLength(this.#pending, this.#close);
    this.#reader.onReasoning(this.#pending.slice(0, this.#pending.length - held));
    this.#pending = this.#pending.slice(this.#pending.length - held);
    return false;
  }

  /** Delivers the answer, line by line as long as a line may end reasoning that had no beginning. */
  #answer(): boolean {
    const end = this.#pending.indexOf('\n');
    const line = this.#line + (end < 0 ? this.#pending : this.#pending.slice(0, end));
    if (this.#endsReasoning(line) && end >= 0) {
      this.#turnToReasoning(this.#pending.slice(end + 1));
      return true;
    }
    if (end < 0) {
      if (this.#mayEndReasoning(line)) return false;
      this.#line = line.slice(0, MAX_TAG_LINE);
      this.#write(this.#pending);
      this.#pending = '';
      return false;
    }
    if (line.trimStart().startsWith('```')) this.#inCode = !this.#inCode;
    this.#line = '';
    this.#write(this.#pending.slice(0, end + 1));
    this.#pending = this.#pending.slice(end + 1);
    return true;
  }

  #turnToReasoning(rest: string): void {
    this.#reader.onTextWasReasoning();
    this.#pending = rest;
    this.#hasReasoned = true;
    this.#state = 'start';
  }

  #endsReasoning(line: string): boolean {
    if (this.#hasReasoned || this.#inCode) return false;
    const tag = line.trim().toLowerCase();
    return PAIRS.some(([, close]) => close.toLowerCase() === tag);
  }

  #mayEndReasoning(line: string): boolean {
    if (this.#hasReasoned || this.#inCode || line.length > MAX_TAG_LINE) return false;
    const start = line.trim().toLowerCase();
    return start !== '' && PAIRS.some(([, close]) => close.toLowerCase().startsWith(start));
  }

  #write(text: string): void {
    if (text !== '') this.#reader.onText(text);
  }
}

/** The length of the end of a text that may be the beginning of a tag. */
function heldLength(text: string, tag: string): number {
  const lower = text.toLowerCase();
  for (let length = Math.min(tag.length - 1, lower.length); length > 0; length--) {
    if (tag.toLowerCase().startsWith(lower.slice(-length))) return length;
  }
  return 0;
}

/** Separates the reasoning of a whole text. */
export function splitReasoning(whole: string): { text: string; reasoning: string } {
  let text = '';
  let reasoning = '';
  const splitter = new ThinkTagSplitter({
    onText: (piece) => {
      text += piece;
    },
    onReasoning: (piece) => {
      reasoning += piece;
    },
    onTextWasReasoning: () => {
      reasoning += text;
      text = '';
    },
  });
  splitter.push(whole);
  splitter.end();
  return { text, reasoning };
}
