const PARTS = 4_096;

/** Builds a long text from small strings and joins them early, because each string has a large memory overhead. */
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

  /** Returns the collected text and resets the buffer. */
  take(): string {
    const text = [...this.#blocks, ...this.#parts].join('');
    this.#parts = [];
    this.#blocks = [];
    this.#length = 0;
    return text;
  }
}
