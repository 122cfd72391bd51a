import { setTimeout as delay } from 'node:timers/promises';

/** One part the server needs: resolves when it works, rejects with why it does not. */
export type HealthCheck = () => Promise<void>;

export interface Health {
  ready: boolean;
  /** `ok`, or why not, by part. */
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

/** Asks every part at once, and waits for none longer than `ms`. */
export async function checkHealth(checks: Record<string, HealthCheck>, ms = 2_000): Promise<Health> {
  const parts = Object.fromEntries(
    await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await bounded(check, ms)] as const)),
  );
  return { ready: Object.values(parts).every((state) => state === 'ok'), parts };
}
