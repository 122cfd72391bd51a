/** The same clock in every process of the machine, in milliseconds with fractions. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Of as many letters as tokens have on average. */
const LETTERS = 4;
const UNIT_MS = 0.5;
const SPAN = 36 ** LETTERS;

/** What stands for a moment: the last quarter of an hour of the clock. */
export function tokenAt(at: number): string {
  return `${(Math.floor(at / UNIT_MS) % SPAN).toString(36).padStart(LETTERS, '0')} `;
}

/** How long ago each token in a text was sent. */
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
