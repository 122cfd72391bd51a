/** Longer ones are not followed. They would not fit in a header either. */
const MAX_ID_LENGTH = 1_024;

/** Reads along a stream of server-sent events: how long the event is so far, and which id came last. */
export class SseSizeGuard {
  lastEventId: string | undefined;
  readonly #maxBytes: number;
  #bytes = 0;
  /** How the line begins that is being read. */
  #line = '';
  #afterReturn = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False once an event is longer than it may be. */
  read(chunk: Uint8Array): boolean {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    // A line may end in CR LF, and the two may come apart.
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
