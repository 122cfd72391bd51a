/** Starts and stops the processes of private services, so that none outlives the process that started it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram } from './programs.ts';

export interface PrivateService {
  readonly port: number;
  /** Sends SIGKILL, as in a crash. Resolves when the process and its children have exited. The files remain. */
  kill(): Promise<void>;
  /** Stops the process if it runs, then starts it on the same port and files. */
  restart(): Promise<void>;
  /** Stops the process and deletes its files. Idempotent. */
  stop(): Promise<void>;
}

export interface Account {
  uid: number;
  gid: number;
}

export interface Definition {
  name: string;
  folder: string;
  account?: Account | undefined;
  /** Runs once, before the first start. */
  prepare?: () => Promise<unknown>;
  command: readonly string[];
  /** Requests a graceful shutdown. */
  stopSignal: NodeJS.Signals;
  /** Ends the process and its children immediately. */
  abortSignal: NodeJS.Signals;
  /** Throws until the service is ready. */
  probe: () => Promise<void>;
  /** Releases resources outside the folder after a kill. */
  release?: () => void;
}

const readyWithinMs = 30_000;
const stoppedWithinMs = 10_000;

export async function start(definition: Definition): Promise<Omit<PrivateService, 'port'>> {
  const log = join(definition.folder, 'log');
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const isRunning = () => child?.pid !== undefined && child.exitCode === null && child.signalCode === null;

  async function launch(): Promise<void> {
    if (stopping) throw new Error(`${definition.name} was stopped and its files were deleted`);
    const [file = '', ...args] = withParentDeathSignal(definition.command, definition.abortSignal);
    const output = openSync(log, 'a');
    // In its own process group, Ctrl-C does not reach it: this process shuts it down.
    const started = spawn(file, args, {
      ...definition.account,
      cwd: definition.folder,
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    started.unref();
    child = started;
    exited = new Promise((resolve) => {
      started.once('exit', () => resolve());
      started.once('error', () => resolve());
    });
    const deadline = Date.now() + readyWithinMs;
    for (;;) {
      try {
        await definition.probe();
        if (isRunning()) return;
      } catch (error) {
        if (isRunning() && Date.now() < deadline) {
          await delay(50);
          continue;
        }
        throw new Error(`${definition.name} did not start:\n${tail(log)}`, { cause: error });
      }
      throw new Error(`${definition.name} did not start, and another process uses its port:\n${tail(log)}`);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child?.pid || !isRunning()) return;
    // After the postmaster is killed, its children exit by themselves, but later if they are busy.
    const children = childrenOf(child.pid);
    child.ref();
    child.kill(signal);
    const late = setTimeout(() => child?.kill('SIGKILL'), stoppedWithinMs);
    await exited;
    clearTimeout(late);
    await waitUntilGone(children, signal === 'SIGKILL' ? 1_000 : stoppedWithinMs);
  }

  async function stop(): Promise<void> {
    await end(definition.stopSignal);
    definition.release?.();
    rmSync(definition.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    forget();
  }

  const forget = cleanUpOnExit(() => {
    if (child?.pid && isRunning()) {
      const children = childrenOf(child.pid);
      child.kill(definition.abortSignal);
      waitUntilGoneSync([child.pid, ...children]);
    }
    definition.release?.();
    rmSync(definition.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  });
  const service = {
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end(definition.stopSignal);
      await launch();
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
  try {
    await definition.prepare?.();
    await launch();
  } catch (error) {
    await service.stop();
    throw error;
  }
  return service;
}

const cleanups = new Set<() => void>();

/** Runs `cleanup` when the process exits or receives a signal to stop. Returns a function that removes the handler. */
function cleanUpOnExit(cleanup: () => void): () => void {
  if (cleanups.size === 0) {
    process.on('exit', runCleanups);
    for (const signal of exitSignals) process.on(signal, exitBySignal);
  }
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
    if (cleanups.size > 0) return;
    process.off('exit', runCleanups);
    for (const signal of exitSignals) process.off(signal, exitBySignal);
  };
}

const exitSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function runCleanups(): void {
  for (const cleanup of [...cleanups].reverse()) cleanup();
  cleanups.clear();
}

function exitBySignal(signal: NodeJS.Signals): void {
  process.off(signal, exitBySignal);
  // If another listener ends the process, the handler of 'exit' cleans up.
  if (process.listenerCount(signal) > 0) return;
  process.exit(128 + os.signals[signal]);
}

/** A killed parent cannot clean up. On Linux the kernel then kills its services. Their folders remain. */
function withParentDeathSignal(command: readonly string[], signal: NodeJS.Signals): readonly string[] {
  const setpriv = findProgram('setpriv');
  const prefix = setpriv ? [setpriv, '--pdeathsig', signal.replace('SIG', '')] : [];
  // Other implementations of setpriv lack the option.
  const works = prefix[0] !== undefined && spawnSync(prefix[0], [...prefix.slice(1), 'true']).status === 0;
  return works ? [...prefix, ...command] : command;
}

/** Returns an empty list on systems without /proc. */
function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // A zombie holds no resources, and its parent may be an init process that never reaps it.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

async function waitUntilGone(pids: readonly number[], withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (pids.some(isAlive) && Date.now() < deadline) await delay(10);
  killAll(pids.filter(isAlive));
}

function waitUntilGoneSync(pids: readonly number[]): void {
  const deadline = Date.now() + stoppedWithinMs;
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (pids.some(isAlive) && Date.now() < deadline) Atomics.wait(never, 0, 0, 10);
  killAll(pids.filter(isAlive));
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has exited.
    }
  }
}

/** Removes the System V segment that PostgreSQL uses as a lock. Its id is in postmaster.pid, which remains only after a crash. */
export function removeSharedMemory(data: string): void {
  try {
    const segment = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
    if (segment) spawnSync('ipcrm', ['-m', segment]);
  } catch {
    // The server shut down gracefully or never started.
  }
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-30).join('\n');
  } catch {
    return '(no log)';
  }
}
