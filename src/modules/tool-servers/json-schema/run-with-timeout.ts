import { createContext, Script } from 'node:vm';

const script = new Script('work()');

/** Something of a stranger's making took too long. */
export class TimeoutError extends Error {}

/**
 * Runs `work` on this thread and stops it when its time is over, wherever it is by then: also inside of a regular expression that would
 * never end. Throws TookTooLongError.
 */
export function runWithTimeout<T>(timeoutMs: number, work: () => T): T {
  let result: { value: T } | undefined;
  const scope = createContext({
    work: () => {
      result = { value: work() };
    },
  });
  try {
    script.runInContext(scope, { timeout: timeoutMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new TimeoutError();
    throw error;
  }
  return (result as { value: T }).value;
}
