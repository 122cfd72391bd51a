/** The usage of one request to a provider. */
export interface Usage {
  model: string;
  kind: 'embedding' | 'answer' | 'run';
  /** Input and output tokens. 0 for a failed request. */
  tokens: number;
  seconds: number;
  outcome: 'ok' | 'error';
}

export type OnUsage = (usage: Usage) => void;

/** Runs one request and reports its usage, also if it fails. */
export async function withUsageReporting<T extends { tokens: number }>(
  report: OnUsage,
  what: Pick<Usage, 'model' | 'kind'>,
  request: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  let tokens = 0;
  let outcome: Usage['outcome'] = 'error';
  try {
    const result = await request();
    tokens = result.tokens;
    outcome = 'ok';
    return result;
  } finally {
    report({ ...what, tokens, seconds: (performance.now() - start) / 1000, outcome });
  }
}

/** Returns the count of a provider, or `otherwise` if it is missing or invalid. */
export function countOrDefault(count: number | undefined, otherwise: number): number {
  return count !== undefined && Number.isSafeInteger(count) && count >= 0 ? count : otherwise;
}
