import { truncateBytes } from '../../../platform/lib/text.ts';
import { MAX_CONTENT_BYTES } from '../insert-message.ts';

const HIGH_SURROGATE_AT_END = /[\ud800-\udbff]$/;

/** Text as it comes from a model, as PostgreSQL can keep it: whole characters, no NUL, at most a mebibyte. */
export class DraftText {
  #content = '';
  #bytes = 0;
  /** The first half of a character whose second half has yet to come. */
  #half = '';
  #full = false;

  get content(): string {
    return this.#content;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether there is more text now */
  append(text: string): boolean {
    const all = (this.#half + text).replaceAll('\0', '');
    this.#half = HIGH_SURROGATE_AT_END.exec(all)?.[0] ?? '';
    let more = all.slice(0, all.length - this.#half.length).toWellFormed();
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
