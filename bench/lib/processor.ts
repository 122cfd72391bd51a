import { execFileSync } from 'node:child_process';

function taskset(...args: string[]): string {
  return execFileSync('taskset', ['--pid', ...args], { encoding: 'utf8' });
}

/**
 * Pins processes to one processor while `work` runs, so that they take turns and the elapsed time is their work. On several processors
 * the cost of wake-ups depends on the scheduler and may exceed the work.
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
