import { InvalidStateError, UnavailableError } from '../lib/errors.ts';

export interface McpServerLimits {
  /** Timeout of one call, in milliseconds. */
  callMs: number;
  /** Maximum length of a result, in characters of JSON. */
  resultCharacters: number;
}

export const DEFAULT_LIMITS: McpServerLimits = { callMs: 30_000, resultCharacters: 4_000_000 };

/** The error for a timeout or a cancellation. A client that has disconnected does not receive it. */
function abortError(signal: AbortSignal): Error {
  const late = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
  return late
    ? new UnavailableError('The call timed out. It may have taken effect: check before a retry.')
    : new InvalidStateError('The call was cancelled.');
}

/**
 * Waits for `work`, and throws if `signal` aborts first. `work` then continues unobserved, until it finishes or a timeout of a statement,
 * transaction or model ends it.
 */
export async function withTimeout<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const reject = () => aborted.reject(abortError(signal));
  signal.addEventListener('abort', reject);
  try {
    if (signal.aborted) reject();
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', reject);
    aborted.promise.catch(() => {});
  }
}

/** @throws InvalidStateError if the result exceeds the limit */
export function requireSize<T>(limits: McpServerLimits, result: T): T {
  const length = JSON.stringify(result).length;
  if (length <= limits.resultCharacters) return result;
  throw new InvalidStateError(
    `The result has ${length} characters, which exceeds the limit of ${limits.resultCharacters}. Request less data.`,
  );
}
