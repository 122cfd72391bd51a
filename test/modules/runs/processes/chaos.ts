import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './scripted-runs.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** Worker processes that are killed at random and replaced. */
export interface Workers {
  readonly kills: number;
  /** Counts an observed event. The number of events determines the time of the next kill. */
  countEvent(): void;
  /** Kills and replaces workers until the number of kills is reached. */
  killWorkers(kills: number): Promise<void>;
  /** Shuts the remaining workers down with SIGTERM, as a deployment does. */
  stop(): Promise<{ code: number | null; errors: string[] }[]>;
  killAll(): void;
}

/** Maximum number of events between the start of a worker and its kill. */
const MAX_PROGRESS = 400;
/** A worker is killed after this time even without further events. */
const MAX_LIFE_MS = 2_000;

export interface WorkersOptions {
  count: number;
  environment: Record<string, string>;
  random: Random;
  /** Whether a call that must not be repeated is active. Some kills wait for that. */
  inCriticalSection(): boolean;
}

/** Share of the kills that wait for a critical section. */
const CRITICAL_SHARE = 0.4;

export async function startWorkers({ count, environment, random, inCriticalSection }: WorkersOptions): Promise<Workers> {
  const alive = await Promise.all(Array.from({ length: count }, () => startWorker(environment)));
  let kills = 0;
  let seen = 0;
  let wanted = 0;

  /** Kills the worker in a slot at a random time and starts the next one immediately. */
  async function disturbSlot(slot: number) {
    while (wanted > 0) {
      wanted--;
      const enough = seen + Math.ceil(random() * MAX_PROGRESS);
      const end = Date.now() + MAX_LIFE_MS;
      while (seen < enough && Date.now() < end) await delay(5);
      if (random() > CRITICAL_SHARE) await delay(random() * 50);
      else while (!inCriticalSection() && Date.now() < end) await delay(2);
      await (alive[slot] as WorkerProcess).end('SIGKILL');
      kills++;
      alive[slot] = await startWorker(environment);
    }
  }

  return {
    get kills() {
      return kills;
    },
    countEvent: () => void seen++,
    async killWorkers(count) {
      wanted = count;
      await Promise.all(alive.map((_, slot) => disturbSlot(slot)));
    },
    stop: () => Promise.all(alive.map(async (worker) => ({ ...(await worker.end('SIGTERM')), errors: worker.errors }))),
    killAll() {
      for (const worker of alive) void worker.end('SIGKILL');
    },
  };
}
