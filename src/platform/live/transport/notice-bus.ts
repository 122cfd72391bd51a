import type { ChangeNotice } from '../topics.ts';

export type NoticeListener = (notice: ChangeNotice) => void;

/**
 * Sends notices between the processes of one installation with low latency and without guarantees: notices may be lost, repeated or reordered.
 * Listeners of the publishing process receive them as well.
 */
export interface NoticeBus {
  /** Never throws or waits. Drops the notice if it cannot be sent now. */
  publish(notice: ChangeNotice): void;
  /** @returns a function that removes the listener */
  subscribe(listener: NoticeListener): () => void;
  /** Connects in the background and reconnects until it is closed. */
  start(): void;
  close(): Promise<void>;
  /** Whether notices of other processes currently arrive. Without them, the poll delivers changes. */
  healthy(): boolean;
}

/** Calls the listeners of this process. */
export class NoticeListeners {
  readonly #listeners = new Set<NoticeListener>();

  add(listener: NoticeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  call(notice: ChangeNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** For an installation of a single process. */
export function createMemoryNoticeBus(): NoticeBus {
  const listeners = new NoticeListeners();
  return {
    publish: (notice) => listeners.call(notice),
    subscribe: (listener) => listeners.add(listener),
    start() {},
    async close() {
      listeners.clear();
    },
    healthy: () => true,
  };
}
