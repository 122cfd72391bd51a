/** Watches for a stream that falls silent. */
export interface IdleTimeout {
  /** Something came. */
  touch(): void;
  end(): void;
}

/** Calls `fire`, once, when nothing comes for `firstMs` or, after something came, for `thenMs`. */
export function startIdleTimeout(firstMs: number, thenMs: number, fire: (ms: number, began: boolean) => void): IdleTimeout {
  let began = false;
  let timer = setTimeout(() => fire(firstMs, false), firstMs);
  return {
    touch() {
      if (began) {
        timer.refresh();
        return;
      }
      began = true;
      clearTimeout(timer);
      timer = setTimeout(() => fire(thenMs, true), thenMs);
    },
    end: () => clearTimeout(timer),
  };
}
