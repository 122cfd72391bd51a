import { type ChangeNotice, encodeNotices } from '../topics.ts';

/** PostgreSQL takes payloads of less than 8000 bytes. */
const MAX_PAYLOAD_BYTES = 7_900;
/** Longest line of a hint, with its line break. See `registerTopic`. */
const MAX_NOTICE_BYTES = 110;
const NOTICES_PER_PAYLOAD = Math.floor(MAX_PAYLOAD_BYTES / MAX_NOTICE_BYTES);

/**
 * Collects hints for a few milliseconds, keeps the highest number of each object, and sends them together: a burst of
 * appends costs one message, and a slow connection makes the bundles larger, not the queue longer.
 */
export class NoticeBatcher {
  readonly #send: (payloads: string[]) => Promise<void>;
  readonly #delayMs: number;
  #pending = new Map<string, ChangeNotice>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  /** @param send may reject: the hints are lost then */
  constructor(delayMs: number, send: (payloads: string[]) => Promise<void>) {
    this.#delayMs = delayMs;
    this.#send = send;
  }

  add(hint: ChangeNotice): void {
    const key = `${hint.topic} ${hint.tenantId} ${hint.id}`;
    const known = this.#pending.get(key);
    if (!known || known.sequence < hint.sequence) this.#pending.set(key, hint);
    if (!this.#sending) this.#schedule();
  }

  /** Sends what is left, and waits for it. */
  async flush(): Promise<void> {
    await this.#sending;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.size > 0) await this.#flush();
  }

  /** Forgets what has not been sent. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending.clear();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, this.#delayMs).unref();
  }

  async #flush(): Promise<void> {
    const hints = [...this.#pending.values()];
    this.#pending = new Map();
    const payloads: string[] = [];
    for (let start = 0; start < hints.length; start += NOTICES_PER_PAYLOAD) {
      payloads.push(encodeNotices(hints.slice(start, start + NOTICES_PER_PAYLOAD)));
    }
    // A hint that does not arrive is what the poll is for.
    this.#sending = this.#send(payloads).catch(() => {});
    await this.#sending;
    this.#sending = undefined;
    if (this.#pending.size > 0) this.#schedule();
  }
}
