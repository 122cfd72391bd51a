import { Worker } from 'node:worker_threads';

/**
 * Difference between V8's heap limit, at which it may end the process, and the limit of `exceedsMemory`. An uninterruptible call such as
 * JSON.parse allocates less than this for the longest permitted text.
 */
const HEADROOM_MB = 1_536;

/** Starting a thread takes longer than reading most documents, so a thread stays idle for this time after a success. */
const IDLE_MS = 10_000;
const MAX_IDLE = 4;
/** Limits on reuse, so that memory leaked by earlier documents does not count against the next one. */
const MAX_DOCUMENTS = 50;
const MAX_RETAINED_BYTES = 128 * 1024 * 1024;

/** A thread that reads documents sequentially. */
export interface PooledWorker {
  worker: Worker;
  memoryMb: number;
  documents: number;
}

const idle = new Map<PooledWorker, NodeJS.Timeout>();

function start(memoryMb: number): PooledWorker {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    // The thread parses untrusted files: it receives no environment variables and no flags.
    env: {},
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb + HEADROOM_MB },
  });
  // Discards warnings of the parsers.
  worker.stdout.resume();
  worker.stderr.resume();
  return { worker, memoryMb, documents: 0 };
}

/** Removes listeners of these events only: the worker's internal listeners operate its port. */
function removeListeners(worker: Worker): void {
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
}

export function acquireWorker(memoryMb: number): PooledWorker {
  for (const [thread, timer] of idle) {
    if (thread.memoryMb !== memoryMb) continue;
    idle.delete(thread);
    clearTimeout(timer);
    removeListeners(thread.worker);
    thread.worker.ref();
    return thread;
  }
  return start(memoryMb);
}

/** Returns a thread to the pool after a success, or terminates it when a limit is reached. */
export async function releaseWorker(thread: PooledWorker): Promise<void> {
  const { worker } = thread;
  thread.documents++;
  removeListeners(worker);
  const retained = await worker.getHeapStatistics().then(
    ({ total_heap_size, external_memory }) => total_heap_size + external_memory,
    () => Number.POSITIVE_INFINITY,
  );
  if (idle.size >= MAX_IDLE || thread.documents >= MAX_DOCUMENTS || retained > MAX_RETAINED_BYTES) {
    await worker.terminate();
    return;
  }
  const evict = () => {
    clearTimeout(idle.get(thread));
    idle.delete(thread);
  };
  const timer = setTimeout(() => {
    evict();
    void worker.terminate();
  }, IDLE_MS);
  timer.unref();
  worker.once('error', evict);
  worker.once('exit', evict);
  worker.unref();
  idle.set(thread, timer);
}

/** Terminates all idle threads. */
export async function endIdleWorkers(): Promise<void> {
  const waiting = [...idle];
  idle.clear();
  await Promise.all(
    waiting.map(([{ worker }, timer]) => {
      clearTimeout(timer);
      return worker.terminate();
    }),
  );
}
