import { type ChangeNotice, encodeNotices } from '../topics.ts';

/** PostgreSQL accepts payloads of less than 8000 bytes. */
const MAX_PAYLOAD_BYTES = 7_900;
/** Maximum size of an encoded notice with its line break. See `registerTopic`. */
const MAX_NOTICE_BYTES = 110;
const NOTICES_PER_PAYLOAD = Math.floor(MAX_PAYLOAD_BYTES / MAX_NOTICE_BYTES);

/**
 * Collects notices for a few milliseconds and sends the highest sequence number of each object in one batch: a burst of appends costs one
 * message, and a slow connection makes the batches larger instead of the queue longer.
 */
export class NoticeBatcher {
  readonly #send: (payloads: string[]) => Promise<void>;
  readonly #delayMs: number;
  #pending = new Map<string, ChangeNotice>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  /** @param send if it rejects, the notices are lost */
  constructor(delayMs: number, send: (payloads: string[]) => Promise<void>) {
    this.#delayMs = delayMs;
    this.#send = send;
  }

  add(notice: ChangeNotice): void {
    const key = `${notice.topic} ${notice.tenantId} ${notice.id}`;
    const known = this.#pending.get(key);
    if (!known || known.sequence < notice.sequence) this.#pending.set(key, notice);
    if (!this.#sending) this.#schedule();
  }

  /** Sends the remaining notices and waits for the result. */
  async flush(): Promise<void> {
    await this.#sending;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.size > 0) await this.#flush();
  }

  /** Drops unsent notices. */
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
    const notices = [...this.#pending.values()];
    this.#pending = new Map();
    const payloads: string[] = [];
    for (let start = 0; start < notices.length; start += NOTICES_PER_PAYLOAD) {
      payloads.push(encodeNotices(notices.slice(start, start + NOTICES_PER_PAYLOAD)));
    }
    // The poll covers lost notices.
    this.#sending = this.#send(payloads).catch(() => {});
    await this.#sending;
    this.#sending = undefined;
    if (this.#pending.size > 0) this.#schedule();
  }
}
