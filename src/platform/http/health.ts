import { setTimeout as delay } from 'node:timers/promises';

/** Checks one dependency of the server: resolves if it works, rejects with the reason if not. */
export type HealthCheck = () => Promise<void>;

export interface Health {
  ready: boolean;
  /** `ok`, or the reason of the failure, by dependency. */
  parts: Record<string, string>;
}

async function bounded(check: HealthCheck, ms: number): Promise<string> {
  const stop = new AbortController();
  try {
    const late = delay(ms, undefined, { signal: stop.signal, ref: false }).then(() =>
      Promise.reject(new Error(`no answer within ${ms} ms`)),
    );
    await Promise.race([check(), late]);
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message : 'failed';
  } finally {
    stop.abort();
  }
}

/** Checks all dependencies concurrently, each for at most `ms` milliseconds. */
export async function checkHealth(checks: Record<string, HealthCheck>, ms = 2_000): Promise<Health> {
  const parts = Object.fromEntries(
    await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await bounded(check, ms)] as const)),
  );
  return { ready: Object.values(parts).every((state) => state === 'ok'), parts };
}
