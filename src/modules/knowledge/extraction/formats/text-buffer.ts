const PARTS = 4_096;

/** Gathers a long text from small strings, and holds on to few of them at a time: a string costs far more than its letters. */
export class TextBuffer {
  #parts: string[] = [];
  #blocks: string[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(part: string): void {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#parts.length === PARTS) {
      this.#blocks.push(this.#parts.join(''));
      this.#parts = [];
    }
  }

  /** The text so far. The next begins anew. */
  take(): string {
    const text = [...this.#blocks, ...this.#parts].join('');
    this.#parts = [];
    this.#blocks = [];
    this.#length = 0;
    return text;
  }
}
