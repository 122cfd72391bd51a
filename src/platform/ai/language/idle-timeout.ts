/** Detects a stream that stalls. */
export interface IdleTimeout {
  /** Restarts the timeout after a chunk. */
  touch(): void;
  end(): void;
}

/** Calls `fire` once, after `firstMs` without a first chunk or `thenMs` without a further one. */
export function startIdleTimeout(firstMs: number, thenMs: number, fire: (ms: number, started: boolean) => void): IdleTimeout {
  let started = false;
  let timer = setTimeout(() => fire(firstMs, false), firstMs);
  return {
    touch() {
      if (started) {
        timer.refresh();
        return;
      }
      started = true;
      clearTimeout(timer);
      timer = setTimeout(() => fire(thenMs, true), thenMs);
    },
    end: () => clearTimeout(timer),
  };
}
