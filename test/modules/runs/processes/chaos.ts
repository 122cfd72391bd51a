import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './scripted-runs.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** Workers of which one dies now and then. */
export interface Workers {
  readonly kills: number;
  /** Counts what was seen of the runs: the time between two deaths is told in it. */
  saw(): void;
  /** Kills and replaces until there were enough deaths. */
  killWorkers(kills: number): Promise<void>;
  /** Ends those that are left, as a deployment does. */
  stop(): Promise<{ code: number | null; errors: string[] }[]>;
  killAll(): void;
}

/** Seen at most between the start of a worker and its death. */
const MAX_PROGRESS = 400;
/** A worker dies all the same when nothing more happens. */
const MAX_LIFE_MS = 2_000;

export interface WorkersOptions {
  count: number;
  environment: Record<string, string>;
  random: Random;
  /** Whether this is a delicate moment. Some deaths wait for one. */
  inCriticalSection(): boolean;
}

/** Of the deaths. */
const CRITICAL_SHARE = 0.4;

export async function startWorkers({ count, environment, random, inCriticalSection }: WorkersOptions): Promise<Workers> {
  const alive = await Promise.all(Array.from({ length: count }, () => startWorker(environment)));
  let kills = 0;
  let seen = 0;
  let wanted = 0;

  /** One place: its worker dies at a random moment, and the next one is started at once. */
  async function disturbPlace(place: number) {
    while (wanted > 0) {
      wanted--;
      const enough = seen + Math.ceil(random() * MAX_PROGRESS);
      const end = Date.now() + MAX_LIFE_MS;
      while (seen < enough && Date.now() < end) await delay(5);
      if (random() > CRITICAL_SHARE) await delay(random() * 50);
      else while (!inCriticalSection() && Date.now() < end) await delay(2);
      await (alive[place] as WorkerProcess).end('SIGKILL');
      kills++;
      alive[place] = await startWorker(environment);
    }
  }

  return {
    get kills() {
      return kills;
    },
    saw: () => void seen++,
    async killWorkers(deaths) {
      wanted = deaths;
      await Promise.all(alive.map((_, place) => disturbPlace(place)));
    },
    stop: () => Promise.all(alive.map(async (worker) => ({ ...(await worker.end('SIGTERM')), errors: worker.errors }))),
    killAll() {
      for (const worker of alive) void worker.end('SIGKILL');
    },
  };
}
