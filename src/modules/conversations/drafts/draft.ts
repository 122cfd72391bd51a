import { MAX_CONTENT_BYTES } from '../insert-message.ts';
import type { DraftKey, DraftWrite } from './draft-rows.ts';
import { DraftText } from './draft-text.ts';

/** Text of one conversation that is written in a second at most: a long one is written less often. */
const BYTES_PER_MS = MAX_CONTENT_BYTES / 1000;

/**
 * An answer while it is being written, for everybody who watches. Nothing here throws or rejects: a run does not fail for it.
 * What it writes is in transactions of its own, so await none of it inside of one: the embedded database has one connection.
 */
export interface Draft {
  append(text: string): void;
  /** The text begins again at nothing: the model is asked again. */
  restart(): void;
  /** Waits until what there is was written, or could not be. */
  flush(): Promise<void>;
  /** Writes nothing more. To be awaited before the transaction that appends the message and removes the draft. */
  close(): Promise<void>;
  /** Writes nothing more, and removes what was written. */
  discard(): Promise<void>;
}

export interface DraftSink {
  /** There is something to write. */
  changed(draft: StreamingDraft): void;
  /** There is nothing to write any more. */
  closed(draft: StreamingDraft): void;
  remove(of: DraftKey, version: number | undefined): Promise<void>;
}

/** What there is to write of one draft, and what was. */
export class StreamingDraft implements Draft {
  readonly of: DraftKey;
  readonly #keeper: DraftSink;
  #text = new DraftText();
  /** Counts what was asked for, so that it is known what a write covers. */
  #changes = 1;
  #starts = 0;
  #written = { changes: 0, starts: 0 };
  #version: number | undefined;
  #over = false;
  #lost = false;
  #writing: Promise<void> | undefined;
  /** When the next write may come. */
  dueAt = 0;
  #waiting: { changes: number; done: () => void }[] = [];

  constructor(of: DraftKey, keeper: DraftSink) {
    this.of = of;
    this.#keeper = keeper;
  }

  get over(): boolean {
    return this.#over;
  }

  append(text: string): void {
    if (!this.#over && this.#text.append(text)) this.#change();
  }

  restart(): void {
    this.#text = new DraftText();
    this.#starts++;
    this.#change();
  }

  flush(): Promise<void> {
    if (this.#over || this.#written.changes === this.#changes) return Promise.resolve();
    this.dueAt = 0;
    return new Promise((done) => this.#waiting.push({ changes: this.#changes, done }));
  }

  async close(): Promise<void> {
    this.#over = true;
    this.#keeper.closed(this);
    await this.#writing;
    this.#resolveWaiting(Infinity);
  }

  async discard(): Promise<void> {
    await this.close();
    if (!this.#lost) await this.#keeper.remove(this.of, this.#version);
  }

  /**
   * What to write now.
   * @param outcome of the write: the version, `gone` if the draft is not this worker's any more. Rejects if nothing is known.
   */
  write(now: number, outcome: Promise<number | 'gone'>): DraftWrite {
    const { content, bytes } = this.#text;
    const covers = { changes: this.#changes, starts: this.#starts };
    const again = covers.starts !== this.#written.starts;
    if (this.#version !== undefined) this.#version++;
    this.dueAt = now + bytes / BYTES_PER_MS;
    this.#writing = outcome.then(
      (version) => {
        if (version === 'gone') {
          this.#over = true;
          this.#lost = true;
        } else {
          this.#version = version;
          this.#written = covers;
        }
        this.#settle(covers.changes);
      },
      () => this.#settle(covers.changes),
    );
    return { of: this.of, content, version: this.#version, again };
  }

  #settle(changes: number): void {
    this.#writing = undefined;
    this.#resolveWaiting(this.#over ? Infinity : changes);
    if (!this.#over && this.#written.changes !== this.#changes) this.#keeper.changed(this);
  }

  #resolveWaiting(changes: number): void {
    for (const waiting of this.#waiting) if (waiting.changes <= changes) waiting.done();
    this.#waiting = this.#waiting.filter((waiting) => waiting.changes > changes);
  }

  #change(): void {
    if (this.#over) return;
    this.#changes++;
    this.#keeper.changed(this);
  }
}
