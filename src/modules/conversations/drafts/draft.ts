import { MAX_CONTENT_BYTES } from '../insert-message.ts';
import type { DraftKey, DraftWrite } from './draft-rows.ts';
import { DraftText } from './draft-text.ts';

/** Write rate of one draft: a write of a long text delays the next one in proportion to its size. */
const BYTES_PER_MS = MAX_CONTENT_BYTES / 1000;

/**
 * The draft of a message: subscribers see its text while the model generates it. No method throws or rejects, so a draft never fails its run.
 * Writes use separate transactions: never await one inside a transaction, because the embedded database has one connection.
 */
export interface Draft {
  append(text: string): void;
  /** Discards the text so far, before a repeated model call. */
  restart(): void;
  /** Waits until a write of the current text has succeeded or failed. */
  flush(): Promise<void>;
  /** Stops writing. Await it before the transaction that appends the message and deletes the draft. */
  close(): Promise<void>;
  /** Stops writing and deletes the draft. */
  discard(): Promise<void>;
}

export interface DraftSink {
  /** The draft has unwritten text. */
  changed(draft: StreamingDraft): void;
  /** The draft writes nothing more. */
  closed(draft: StreamingDraft): void;
  remove(of: DraftKey, version: number | undefined): Promise<void>;
}

/** Tracks which text of one draft is written. */
export class StreamingDraft implements Draft {
  readonly of: DraftKey;
  readonly #sink: DraftSink;
  #text = new DraftText();
  /** Counts changes, so that a write can record which of them it covers. */
  #changes = 1;
  #restarts = 0;
  #written = { changes: 0, restarts: 0 };
  #version: number | undefined;
  #closed = false;
  #lost = false;
  #writing: Promise<void> | undefined;
  /** Earliest time of the next write, in milliseconds of `performance.now()`. */
  dueAt = 0;
  #waiting: { changes: number; done: () => void }[] = [];

  constructor(of: DraftKey, sink: DraftSink) {
    this.of = of;
    this.#sink = sink;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  append(text: string): void {
    if (!this.#closed && this.#text.append(text)) this.#change();
  }

  restart(): void {
    this.#text = new DraftText();
    this.#restarts++;
    this.#change();
  }

  flush(): Promise<void> {
    if (this.#closed || this.#written.changes === this.#changes) return Promise.resolve();
    this.dueAt = 0;
    return new Promise((done) => this.#waiting.push({ changes: this.#changes, done }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sink.closed(this);
    await this.#writing;
    this.#resolveWaiting(Infinity);
  }

  async discard(): Promise<void> {
    await this.close();
    if (!this.#lost) await this.#sink.remove(this.of, this.#version);
  }

  /**
   * The next write.
   * @param outcome the version that the write stored, or `gone` if another worker owns the draft. Rejects if the write failed.
   */
  write(now: number, outcome: Promise<number | 'gone'>): DraftWrite {
    const { content, bytes } = this.#text;
    const covers = { changes: this.#changes, restarts: this.#restarts };
    const restarts = covers.restarts !== this.#written.restarts;
    if (this.#version !== undefined) this.#version++;
    this.dueAt = now + bytes / BYTES_PER_MS;
    this.#writing = outcome.then(
      (version) => {
        if (version === 'gone') {
          this.#closed = true;
          this.#lost = true;
        } else {
          this.#version = version;
          this.#written = covers;
        }
        this.#settle(covers.changes);
      },
      () => this.#settle(covers.changes),
    );
    return { of: this.of, content, version: this.#version, restarts };
  }

  #settle(changes: number): void {
    this.#writing = undefined;
    this.#resolveWaiting(this.#closed ? Infinity : changes);
    if (!this.#closed && this.#written.changes !== this.#changes) this.#sink.changed(this);
  }

  #resolveWaiting(changes: number): void {
    for (const waiting of this.#waiting) if (waiting.changes <= changes) waiting.done();
    this.#waiting = this.#waiting.filter((waiting) => waiting.changes > changes);
  }

  #change(): void {
    if (this.#closed) return;
    this.#changes++;
    this.#sink.changed(this);
  }
}
