import { Worker } from 'node:worker_threads';
import { Semaphore } from '../../../platform/lib/semaphore.ts';
import type { SchemaAnswer, SchemaTask } from './schema-messages.ts';

/** A hostile schema occupies one thread at most, as each person has one check at a time. */
const THREADS = 2;
/** Compiling a schema may take memory out of proportion to its size. */
const MEMORY_MB = 128;
/** Beyond the timeouts of the thread itself, with time for its start on a busy machine. */
const STUCK_MS = 30_000;
const IDLE_MS = 60_000;

const slots = new Semaphore(THREADS);
const idle = new Map<Worker, NodeJS.Timeout>();
const never = new AbortController().signal;

function start(): Worker {
  return new Worker(new URL('./schema-worker.ts', import.meta.url), {
    // The thread compiles untrusted schemas to code: it receives no environment variables and no flags.
    env: {},
    argv: [],
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
}

function acquire(): Worker {
  const [entry] = idle;
  if (!entry) return start();
  const [worker, timer] = entry;
  clearTimeout(timer);
  idle.delete(worker);
  worker.removeAllListeners('exit');
  worker.ref();
  return worker;
}

function release(worker: Worker): void {
  const evict = () => {
    clearTimeout(idle.get(worker));
    idle.delete(worker);
  };
  const timer = setTimeout(() => {
    evict();
    void worker.terminate();
  }, IDLE_MS);
  timer.unref();
  worker.once('exit', evict);
  worker.unref();
  idle.set(worker, timer);
}

/** Runs a task in a thread. A schema that ends its thread is unusable. */
export function runInThread(task: SchemaTask): Promise<SchemaAnswer> {
  return slots.run(async () => {
    const worker = acquire();
    const { promise, resolve } = Promise.withResolvers<SchemaAnswer | undefined>();
    const stuck = setTimeout(() => resolve(undefined), STUCK_MS);
    worker.once('message', resolve);
    worker.once('error', () => resolve(undefined));
    worker.postMessage(task);
    const answer = await promise;
    clearTimeout(stuck);
    for (const event of ['message', 'error']) worker.removeAllListeners(event);
    if (answer) {
      release(worker);
      return answer;
    }
    // The listener receives what the dying thread still reports.
    worker.on('error', () => {});
    await worker.terminate();
    return { issues: [], unusable: 'it takes too much memory', cpuMs: STUCK_MS };
  }, never);
}
