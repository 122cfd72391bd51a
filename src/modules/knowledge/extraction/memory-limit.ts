import { setTimeout as wait } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

const INTERVAL_MS = 50;

/**
 * Resolves once a thread holds more memory than it may, buffers included. V8's own limit does not see buffers, and takes the
 * whole process down when a single allocation passes it by far: this one is to be reached first.
 */
export async function exceedsMemory(worker: Worker, maxMb: number, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    // Rejects when the thread is not running any more: then there is nothing to watch.
    const held = await worker.getHeapStatistics().then(
      (statistics) => statistics.total_heap_size + statistics.external_memory,
      () => 0,
    );
    if (held > maxMb * 1024 * 1024) return true;
    await wait(INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}
