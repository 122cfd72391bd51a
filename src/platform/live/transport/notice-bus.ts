import type { ChangeNotice } from '../topics.ts';

export type NoticeListener = (hint: ChangeNotice) => void;

/**
 * Carries wake-ups between the processes of one installation, as fast as it can and no more reliably than that: hints may be
 * lost, doubled or out of order. Listeners of the publishing process are called as well.
 */
export interface NoticeBus {
  /** Never throws and never waits: what cannot be sent now is dropped. */
  publish(hint: ChangeNotice): void;
  /** @returns takes the listener back */
  subscribe(listener: NoticeListener): () => void;
  /** Connects in the background and stays connected until closed. */
  start(): void;
  close(): Promise<void>;
  /** Whether hints of other processes arrive at this moment. Without them, live views are as slow as the poll. */
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

  call(hint: ChangeNotice): void {
    for (const listener of this.#listeners) listener(hint);
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** For an installation of a single process. */
export function createMemoryNoticeBus(): NoticeBus {
  const listeners = new NoticeListeners();
  return {
    publish: (hint) => listeners.call(hint),
    subscribe: (listener) => listeners.add(listener),
    start() {},
    async close() {
      listeners.clear();
    },
    healthy: () => true,
  };
}
