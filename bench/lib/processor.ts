import { execFileSync } from 'node:child_process';

function taskset(...args: string[]): string {
  return execFileSync('taskset', ['--pid', ...args], { encoding: 'utf8' });
}

/**
 * Keeps processes on one and the same processor while `work` runs: they take turns, and what they take together is their work alone.
 * On several, it depends on where they are just then what waking one another costs, which may be more than the work.
 */
export async function onOneProcessor<T>(pids: readonly number[], work: () => Promise<T>): Promise<T> {
  const before = pids.map((pid) => taskset(String(pid)).trim().split(' ').at(-1) ?? '');
  for (const pid of pids) taskset('--cpu-list', '0', String(pid));
  try {
    return await work();
  } finally {
    pids.forEach((pid, place) => {
      taskset(before[place] ?? '', String(pid));
    });
  }
}
