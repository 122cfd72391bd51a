/** Watches for a stream that falls silent. */
export interface Silence {
  /** Something came. */
  broken(): void;
  end(): void;
}

/** Calls `fire`, once, when nothing comes for `firstMs` or, after something came, for `thenMs`. */
export function watchSilence(firstMs: number, thenMs: number, fire: (ms: number, began: boolean) => void): Silence {
  let began = false;
  let timer = setTimeout(() => fire(firstMs, false), firstMs);
  return {
    broken() {
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
