import { McpCallError } from './errors.ts';

export interface Deadline {
  /** The caller's signal. Its abort ends the work with ABORTED. */
  signal?: AbortSignal | undefined;
  /** Without it, the work has no time limit. */
  timeoutMs?: number;
  /** The abort reason after the timeout. */
  late?: McpCallError;
}

/** Runs `work` with a signal whose reason is a McpCallError. Removes its listener and timer when the work ends. */
export async function withDeadline<T>(
  { signal, timeoutMs, late }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const giveUp = () => controller.abort(new McpCallError('ABORTED', 'The call was cancelled.'));
  if (signal?.aborted) giveUp();
  controller.signal.throwIfAborted();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => controller.abort(late), timeoutMs);
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

/** Rejects on abort while the shared `promise` continues for other callers. */
export async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
