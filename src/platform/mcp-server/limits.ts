import { InvalidStateError, UnavailableError } from '../lib/errors.ts';

export interface McpServerLimits {
  /** How long one call may take, in milliseconds. */
  callMs: number;
  /** How long an answer may be, in characters of JSON. */
  resultCharacters: number;
}

export const DEFAULT_LIMITS: McpServerLimits = { callMs: 30_000, resultCharacters: 4_000_000 };

/** Why nobody waits any longer. What a client that went away would have been told is told to nobody. */
function givenUp(signal: AbortSignal): Error {
  const late = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
  return late
    ? new UnavailableError('The call took too long and was given up. Whether it took effect is not known.')
    : new InvalidStateError('The call was given up.');
}

/**
 * Waits for `work` until `signal` ends. What was begun is not waited for any longer, and ends by its own bounds: those of
 * statements, transactions and models.
 */
export async function withTimeout<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const giveUp = () => over.reject(givenUp(signal));
  signal.addEventListener('abort', giveUp);
  try {
    if (signal.aborted) giveUp();
    return await Promise.race([work(), over.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
    over.promise.catch(() => {});
  }
}

/** Throws InvalidStateError for an answer that no client should have to take. */
export function requireSize<T>(limits: McpServerLimits, result: T): T {
  const length = JSON.stringify(result).length;
  if (length <= limits.resultCharacters) return result;
  throw new InvalidStateError(`The answer would have ${length} characters, more than ${limits.resultCharacters}. Ask for less.`);
}
