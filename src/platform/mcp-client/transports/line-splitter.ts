/** Splits a byte stream into lines. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns the non-empty lines that `chunk` completes, or undefined if a line exceeds the limit. */
  push(chunk: Buffer): string[] | undefined {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return undefined;
      const line = Buffer.concat(this.#parts, this.#bytes).toString().trim();
      if (line) lines.push(line);
      this.#parts = [];
      this.#bytes = 0;
      start = end + 1;
    }
    return this.#keep(chunk.subarray(start)) ? lines : undefined;
  }

  #keep(part: Buffer): boolean {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) {
      this.#parts = [];
      return false;
    }
    if (part.length > 0) this.#parts.push(part);
    return true;
  }
}
