/** What one request to a provider took. */
export interface Usage {
  model: string;
  kind: 'embedding' | 'answer' | 'run';
  /** Read and written together. 0 for a request that failed. */
  tokens: number;
  seconds: number;
  outcome: 'ok' | 'error';
}

export type OnUsage = (usage: Usage) => void;

/** Runs one request and tells what it took, also when it fails. */
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

/** A count of a provider, where it is one. */
export function countOrDefault(count: number | undefined, otherwise: number): number {
  return count !== undefined && Number.isSafeInteger(count) && count >= 0 ? count : otherwise;
}
