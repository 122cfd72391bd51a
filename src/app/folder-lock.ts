import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';

/** The process that has a folder open. */
export interface LockHolder {
  host: string;
  /** Identifies the running kernel, which the containers of a machine share. Another one after a reboot. */
  boot: string;
  pid: number;
  /** When the process started. */
  started: string;
  /** Identifies this lock. */
  id: string;
}

export interface FolderLockOptions {
  /** Called if another machine has taken the lock over, because this process was suspended. It must not write to the folder any more. */
  onLost: (by: LockHolder) => void;
  /** The interval of renewals, in milliseconds. @default 2_000 */
  renewMs?: number;
  /** How long the lock of another machine may stay without a renewal, in milliseconds. @default 20_000 */
  staleMs?: number;
}

const SQLITE_BUSY = 5;

function bootOf(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return hostname();
  }
}

/**
 * A lock of the kernel, through SQLite, because Node.js has no function for one. It ends with the process, however that ends, and holds in
 * every container of the machine. Returns undefined on a file system without locks. Nothing else may open the file: closing it would end the
 * lock.
 */
function lockInKernel(file: string): DatabaseSync | 'taken' | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    return (error as { errcode?: number }).errcode === SQLITE_BUSY ? 'taken' : undefined;
  }
}

interface Seen {
  holder: LockHolder | undefined;
  /** Changes with every renewal. */
  version: string;
}

/** Opens the file, so that a network file system does not answer from its cache. */
function read(file: string): Seen | undefined {
  let opened: number;
  try {
    opened = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const text = readFileSync(opened, 'utf8');
    return { holder: parse(text), version: `${fstatSync(opened).mtimeMs} ${text}` };
  } finally {
    closeSync(opened);
  }
}

function parse(text: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(text) as LockHolder | null;
    return typeof holder?.id === 'string' ? holder : undefined;
  } catch {
    return undefined;
  }
}

function heldBy(folder: string, holder: LockHolder | undefined): Error {
  const who = holder ? ` in process ${holder.pid} on ${holder.host} since ${holder.started}` : ' in another process';
  return new Error(`${folder} is open${who}: stop it, or name another folder in AGENTBASE_DATA_DIR`);
}

/**
 * Two processes would corrupt one embedded database. On one machine the kernel decides, across containers: the file of a process that has
 * ended is taken over at once, whatever process has its number now. The kernel does not know the processes of another machine: their lock is
 * taken over only after its renewals stop. Returns the function that releases the lock.
 */
export async function lockFolder(
  folder: string,
  { onLost, renewMs = 2_000, staleMs = 20_000 }: FolderLockOptions,
): Promise<() => void> {
  const file = join(folder, 'lock');
  const kernel = lockInKernel(join(folder, 'lock.db'));
  if (kernel === 'taken') throw heldBy(folder, read(file)?.holder);
  const started = new Date(Date.now() - process.uptime() * 1_000).toISOString();
  const own: LockHolder = { host: hostname(), boot: bootOf(), pid: process.pid, started, id: randomUUID() };
  const write = () => {
    const temporary = `${file}.${own.id}`;
    writeFileSync(temporary, JSON.stringify(own), { mode: 0o600 });
    renameSync(temporary, file);
  };
  try {
    const found = read(file);
    const elsewhere = found?.holder && (!kernel || found.holder.boot !== own.boot);
    if (elsewhere) await waitUntilStale(folder, file, found, { renewMs, staleMs });
    write();
    if (elsewhere) {
      // Of two machines that take over at once, the second one wins.
      await delay(renewMs);
      const winner = read(file)?.holder;
      if (winner?.id !== own.id) throw heldBy(folder, winner);
    }
  } catch (error) {
    kernel?.close();
    throw error;
  }

  const renewal = setInterval(() => {
    let by: LockHolder | undefined;
    try {
      by = read(file)?.holder;
      if (by?.id === own.id) utimesSync(file, new Date(), new Date());
      else if (!by) write();
    } catch {
      // The next renewal tries again. Without any, another machine takes over, and the next successful one reports it.
      return;
    }
    if (by && by.id !== own.id) {
      clearInterval(renewal);
      onLost(by);
    }
  }, renewMs);
  renewal.unref();
  return () => {
    clearInterval(renewal);
    if (read(file)?.holder?.id === own.id) rmSync(file, { force: true });
    if (kernel?.isOpen) kernel.close();
  };
}

async function waitUntilStale(
  folder: string,
  file: string,
  found: Seen,
  { renewMs, staleMs }: { renewMs: number; staleMs: number },
): Promise<void> {
  process.stderr.write(
    `${folder} was open in process ${found.holder?.pid} on ${found.holder?.host}. Waiting ${staleMs / 1_000} seconds for a sign of life of it.\n`,
  );
  for (const until = performance.now() + staleMs; performance.now() < until; await delay(renewMs / 4)) {
    const now = read(file);
    if (!now) return;
    if (now.version !== found.version) throw heldBy(folder, now.holder);
  }
}
