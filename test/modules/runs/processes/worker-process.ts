import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('../../../../src/worker.ts', import.meta.url));
const READY_WITHIN_MS = 60_000;
const ERROR_LEVEL = 50;

export interface WorkerProcess {
  pid: number;
  /** Origin of the health and metrics endpoints. */
  origin: string;
  /** Log lines of level error. */
  errors: string[];
  /** Sends the signal and waits for the exit. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ code: number | null }>;
}

/** Starts a worker process like `npm run worker`, with only the given environment. */
export async function startWorker(env: Record<string, string>): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [WORKER], {
    // The tests start many workers, which share a compile cache.
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      PORT: '0',
      NODE_COMPILE_CACHE: join(tmpdir(), 'agentbase-test-compiled'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  child.once('exit', () => process.off('exit', killed));
  const output: string[] = [];
  const errors: string[] = [];
  let origin = '';
  const ready = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    output.push(line);
    if (line.includes('worker started')) {
      origin = `http://127.0.0.1:${JSON.parse(line).address.port}`;
      ready.resolve();
    }
    if (/^\{"level":(\d+)/.exec(line)?.[1] === String(ERROR_LEVEL)) errors.push(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line));
  exited.then(() => ready.reject(new Error(`the worker ended:\n${output.join('\n')}`)));
  const late = setTimeout(
    () => ready.reject(new Error(`the worker did not start in time:\n${output.join('\n')}`)),
    READY_WITHIN_MS,
  );
  await ready.promise
    .catch((error: unknown) => {
      killed();
      throw error;
    })
    .finally(() => clearTimeout(late));
  return {
    pid: child.pid as number,
    origin,
    errors,
    async end(signal) {
      child.kill(signal);
      await exited;
      return { code: child.exitCode };
    },
  };
}
