import { Worker } from 'node:worker_threads';

/**
 * What V8 may take above our own limit before it gives up, by which it may end the whole process. A call that cannot be stopped
 * midway, such as JSON.parse, takes less than this for the longest text we give it.
 */
const HEADROOM_MB = 1_536;

/** Starting a thread takes longer than reading most documents, so one that ended well waits a while for the next. */
const IDLE_MS = 10_000;
const MAX_IDLE = 4;
/** What earlier documents left behind must not be held against the next. */
const MAX_DOCUMENTS = 50;
const MAX_LEFT_BYTES = 128 * 1024 * 1024;

/** A thread that reads documents, one after another. */
export interface PooledWorker {
  worker: Worker;
  memoryMb: number;
  documents: number;
}

const idle = new Map<PooledWorker, NodeJS.Timeout>();

function start(memoryMb: number): PooledWorker {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    // What reads foreign files knows no secrets, and inherits no flags.
    env: {},
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb + HEADROOM_MB },
  });
  // Complaints of the libraries about the file.
  worker.stdout.resume();
  worker.stderr.resume();
  return { worker, memoryMb, documents: 0 };
}

/** By name: a worker has listeners of its own, which keep its port going. */
function forgetListeners(worker: Worker): void {
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
}

export function acquireWorker(memoryMb: number): PooledWorker {
  for (const [thread, timer] of idle) {
    if (thread.memoryMb !== memoryMb) continue;
    idle.delete(thread);
    clearTimeout(timer);
    forgetListeners(thread.worker);
    thread.worker.ref();
    return thread;
  }
  return start(memoryMb);
}

/** Lets a thread wait that has read a document to its end. */
export async function releaseWorker(thread: PooledWorker): Promise<void> {
  const { worker } = thread;
  thread.documents++;
  forgetListeners(worker);
  const left = await worker.getHeapStatistics().then(
    ({ total_heap_size, external_memory }) => total_heap_size + external_memory,
    () => Number.POSITIVE_INFINITY,
  );
  if (idle.size >= MAX_IDLE || thread.documents >= MAX_DOCUMENTS || left > MAX_LEFT_BYTES) {
    await worker.terminate();
    return;
  }
  const forget = () => {
    clearTimeout(idle.get(thread));
    idle.delete(thread);
  };
  const timer = setTimeout(() => {
    forget();
    void worker.terminate();
  }, IDLE_MS);
  timer.unref();
  worker.once('error', forget);
  worker.once('exit', forget);
  worker.unref();
  idle.set(thread, timer);
}

/** Ends the threads that wait. */
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
