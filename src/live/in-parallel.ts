import { UnavailableError } from '../lib/errors.ts';

/**
 * Runs `work` on every item, at most `limit` at a time. An UnavailableError ends it early, since the others would fail like
 * it; any other error is that item's own. Rejects with the first error once all that had begun have ended.
 */
export async function inParallel<T>(items: Iterable<T>, limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  let failure: { error: unknown } | undefined;
  let away = false;
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined && !away; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
        away ||= error instanceof UnavailableError;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure) throw failure.error;
}
