import type { Hint } from '../topics.ts';

export type HintListener = (hint: Hint) => void;

/**
 * Carries wake-ups between the processes of one installation, as fast as it can and no more reliably than that: hints may be
 * lost, doubled or out of order. Listeners of the publishing process are called as well.
 */
export interface WakeUpTransport {
  /** Never throws and never waits: what cannot be sent now is dropped. */
  publish(hint: Hint): void;
  /** @returns takes the listener back */
  subscribe(listener: HintListener): () => void;
  /** Connects in the background and stays connected until closed. */
  start(): void;
  close(): Promise<void>;
  /** Whether hints of other processes arrive at this moment. Without them, live views are as slow as the poll. */
  healthy(): boolean;
}

/** Calls the listeners of this process. */
export class HintListeners {
  readonly #listeners = new Set<HintListener>();

  add(listener: HintListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  call(hint: Hint): void {
    for (const listener of this.#listeners) listener(hint);
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** For an installation of a single process. */
export function createMemoryTransport(): WakeUpTransport {
  const listeners = new HintListeners();
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
