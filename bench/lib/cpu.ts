import { readdirSync, readFileSync } from 'node:fs';

/** `USER_HZ`, which is 100 on Linux. */
const TICKS_PER_SECOND = 100;

interface Stat {
  parent: number;
  seconds: number;
}

/** CPU time of a process and of its children that have exited. Undefined if the process itself has exited. */
function statOf(pid: number): Stat | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The process name before it may contain spaces.
    const fields = line
      .slice(line.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [parent = 0] = fields.slice(1);
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + field, 0);
    return { parent, seconds: ticks / TICKS_PER_SECOND };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Seconds of processor time of each process, including its children. */
export function cpuOf(processes: Record<string, number>): Record<string, number> {
  const all = new Map<number, Stat>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined;
    if (stat) all.set(Number(entry), stat);
  }
  return Object.fromEntries(
    Object.entries(processes).map(([name, pid]) => {
      const children = [...all.values()].filter(({ parent }) => parent === pid);
      return [name, [all.get(pid), ...children].reduce((sum, stat) => sum + (stat?.seconds ?? 0), 0)];
    }),
  );
}

/** Seconds of processor time of all cores since the machine started, for all processes. */
export function machineCpu(): number {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = fields;
  return (user + nice + system + irq + softIrq) / TICKS_PER_SECOND;
}
