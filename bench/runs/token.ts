/** Time in milliseconds with fractions, on a clock that all processes of the machine share. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Typical length of a token. */
const LETTERS = 4;
const UNIT_MS = 0.5;
const SPAN = 36 ** LETTERS;

/** Encodes a time as a token. The encoding repeats after 14 minutes. */
export function tokenAt(at: number): string {
  return `${(Math.floor(at / UNIT_MS) % SPAN).toString(36).padStart(LETTERS, '0')} `;
}

/** Age in milliseconds of each token in a text. */
export function agesOf(text: string, at: number): number[] {
  return (text.match(/[0-9a-z]+/g) ?? []).map((token) => {
    const units = (Math.floor(at / UNIT_MS) % SPAN) - Number.parseInt(token, 36);
    return ((units + SPAN) % SPAN) * UNIT_MS;
  });
}

export interface Pace {
  tokens: number;
  everyMs: number;
}

export function messageFor({ tokens, everyMs }: Pace): string {
  return `${tokens} tokens, one in ${everyMs} ms`;
}

export function paceOf(message: string): Pace {
  const [tokens = 0, everyMs = 0] = (message.match(/\d+/g) ?? []).map(Number);
  return { tokens, everyMs };
}
