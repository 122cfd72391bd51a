import { readdirSync, readFileSync } from 'node:fs';

const INTERVAL_MS = 250;

interface Process {
  pid: number;
  parent: number;
  session: number;
}

interface Watched {
  maxBytes: number;
  exceeded: () => void;
}

const watched = new Map<number, Watched>();
let timer: NodeJS.Timeout | undefined;

/**
 * Calls `exceeded` at each check that finds the session of `leader`, plus all descendants, above `maxMb` of memory.
 * Shared pages count for each process. Reads /proc, which only Linux provides; other systems have no limit.
 * Returns a function that stops the watch.
 */
export function limitMemory(leader: number, maxMb: number, exceeded: () => void): () => void {
  const entry = { maxBytes: maxMb * 1024 * 1024, exceeded };
  watched.set(leader, entry);
  timer ??= setInterval(look, INTERVAL_MS).unref();
  return () => {
    if (watched.get(leader) === entry) watched.delete(leader);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Scans all processes once for all watches. Reads synchronously, because promises cost ten times the read itself. */
function look(): void {
  const processes = listProcesses();
  for (const [leader, { maxBytes, exceeded }] of watched) {
    if (residentBytes(membersOf(leader, processes)) > maxBytes) exceeded();
  }
}

function listProcesses(): Process[] {
  return names().map((name) => {
    const stat = readProc(`/proc/${name}/stat`);
    // The program name is in parentheses and may contain any character. Then: state, parent, group, session.
    const [, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(name), parent: Number(parent), session: Number(session) };
  });
}

function names(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function membersOf(leader: number, processes: readonly Process[]): Set<number> {
  const members = new Set(processes.filter(({ session }) => session === leader).map(({ pid }) => pid));
  // Adds processes that left the session, and their children.
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const { pid, parent } of processes) if (members.has(parent)) members.add(pid);
  }
  return members;
}

function residentBytes(members: Iterable<number>): number {
  let bytes = 0;
  for (const pid of members) {
    const [, kilobytes = '0'] = /^VmRSS:\s*(\d+) kB/m.exec(readProc(`/proc/${pid}/status`)) ?? [];
    bytes += Number(kilobytes) * 1024;
  }
  return bytes;
}

/** Returns an empty string if the process has exited. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
