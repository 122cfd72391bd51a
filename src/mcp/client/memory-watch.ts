import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

const INTERVAL_MS = 250;
/** Looking takes at most a twentieth of one processor, however many processes there are. */
const REST = 20;

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
let looking = false;

/**
 * Calls `exceeded` once the session that `leader` leads, and whatever its processes started, hold more memory than they may. Pages they
 * share count for each. Reads /proc, which only Linux has: elsewhere nothing is watched. Returns what ends the watch.
 */
export function watchMemory(leader: number, maxMb: number, exceeded: () => void): () => void {
  const entry = { maxBytes: maxMb * 1024 * 1024, exceeded };
  watched.set(leader, entry);
  if (!looking) void look();
  return () => {
    if (watched.get(leader) === entry) watched.delete(leader);
  };
}

/** One look at all processes serves everybody who watches. */
async function look(): Promise<void> {
  looking = true;
  while (watched.size > 0) {
    const start = performance.now();
    const processes = await listProcesses();
    for (const [leader, entry] of watched) {
      const bytes = await residentBytes(membersOf(leader, processes));
      if (bytes > entry.maxBytes && watched.get(leader) === entry) {
        watched.delete(leader);
        entry.exceeded();
      }
    }
    await wait(Math.max(INTERVAL_MS, REST * (performance.now() - start)), undefined, { ref: false });
  }
  looking = false;
}

async function listProcesses(): Promise<Process[]> {
  const names = await readdir('/proc').catch(() => []);
  const processes: Process[] = [];
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readProc(`/proc/${name}/stat`);
    // The program's name stands in brackets and may hold anything. After it: state, parent, group, session.
    const [, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    processes.push({ pid: Number(name), parent: Number(parent), session: Number(session) });
  }
  return processes;
}

function membersOf(leader: number, processes: readonly Process[]): Set<number> {
  const members = new Set(processes.filter(({ session }) => session === leader).map(({ pid }) => pid));
  // Those that left the session, and their children.
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const { pid, parent } of processes) if (members.has(parent)) members.add(pid);
  }
  return members;
}

async function residentBytes(members: Iterable<number>): Promise<number> {
  let bytes = 0;
  for (const pid of members) {
    const [, kilobytes = '0'] = /^VmRSS:\s*(\d+) kB/m.exec(await readProc(`/proc/${pid}/status`)) ?? [];
    bytes += Number(kilobytes) * 1024;
  }
  return bytes;
}

/** Empty when the process has ended in the meantime. */
function readProc(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
