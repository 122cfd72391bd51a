/** The guard ignores longer ids. They would not fit in a header either. */
const MAX_ID_LENGTH = 1_024;

/** Tracks the size of the current event and the last event id in a stream of server-sent events. */
export class SseSizeGuard {
  lastEventId: string | undefined;
  readonly #maxBytes: number;
  #bytes = 0;
  /** The start of the current line. */
  #line = '';
  #afterReturn = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns false if an event exceeds the limit. */
  read(chunk: Uint8Array): boolean {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    // A chunk boundary may split CR LF.
    const text = this.#afterReturn && bytes.startsWith('\n') ? bytes.slice(1) : bytes;
    this.#afterReturn = bytes.endsWith('\r');
    const [first = '', ...others] = text.split(/\r\n|\r|\n/);
    if (!this.#goOn(first)) return false;
    for (const line of others) {
      this.#endLine();
      if (!this.#goOn(line)) return false;
    }
    return true;
  }

  #goOn(part: string): boolean {
    this.#bytes += part.length;
    if (this.#line.length <= MAX_ID_LENGTH) this.#line += part.slice(0, MAX_ID_LENGTH + 1);
    return this.#bytes <= this.#maxBytes;
  }

  #endLine(): void {
    // An empty line ends the event.
    if (this.#line === '') this.#bytes = 0;
    else this.#bytes++;
    if (this.#line.startsWith('id:') && this.#line.length <= MAX_ID_LENGTH) {
      this.lastEventId = Buffer.from(this.#line.slice(3).replace(/^ /, ''), 'latin1').toString();
    }
    this.#line = '';
  }
}
