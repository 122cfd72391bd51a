import { setTimeout as wait } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

const INTERVAL_MS = 50;

/**
 * Resolves with true when a thread uses more memory than the limit, buffers included, and with false when aborted. V8's own limit excludes
 * buffers, and a single large allocation beyond it ends the process. This limit is therefore lower.
 */
export async function exceedsMemory(worker: Worker, maxMb: number, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    // getHeapStatistics rejects when the thread has exited.
    const used = await worker.getHeapStatistics().then(
      (statistics) => statistics.total_heap_size + statistics.external_memory,
      () => 0,
    );
    if (used > maxMb * 1024 * 1024) return true;
    await wait(INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}
