import { truncateBytes } from '../../../platform/lib/text.ts';
import { MAX_CONTENT_BYTES } from '../insert-message.ts';

const HIGH_SURROGATE_AT_END = /[\ud800-\udbff]$/;

/** Collects text from a model as PostgreSQL can store it: well-formed Unicode, no NUL, at most 1 MiB of UTF-8. */
export class DraftText {
  #content = '';
  #bytes = 0;
  /** A high surrogate whose low surrogate is in the next chunk. */
  #surrogate = '';
  #full = false;

  get content(): string {
    return this.#content;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether the text has grown */
  append(text: string): boolean {
    const all = (this.#surrogate + text).replaceAll('\0', '');
    this.#surrogate = HIGH_SURROGATE_AT_END.exec(all)?.[0] ?? '';
    let more = all.slice(0, all.length - this.#surrogate.length).toWellFormed();
    const room = this.#full ? 0 : MAX_CONTENT_BYTES - this.#bytes;
    if (Buffer.byteLength(more) > room) {
      more = truncateBytes(more, room);
      this.#full = true;
    }
    this.#content += more;
    this.#bytes += Buffer.byteLength(more);
    return more !== '';
  }
}
