import { setTimeout as delay } from 'node:timers/promises';

/** Checks one dependency of the server: resolves if it works, rejects with the reason if not. */
export type HealthCheck = () => Promise<void>;

export interface HealthChecks {
  /** Without one of them, the process answers no request. */
  required: Record<string, HealthCheck>;
  /**
   * Without one of them, the process answers requests with less. All servers share it, so a balancer that took them out would turn a partial
   * failure into a complete one.
   */
  optional: Record<string, HealthCheck>;
}

export interface Health {
  status: 'ready' | 'degraded' | 'unavailable';
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
export async function checkHealth({ required, optional }: HealthChecks, ms = 2_000): Promise<Health> {
  const checks = Object.entries({ ...required, ...optional });
  const parts = Object.fromEntries(
    await Promise.all(checks.map(async ([name, check]) => [name, await bounded(check, ms)] as const)),
  );
  const failed = Object.keys(parts).filter((name) => parts[name] !== 'ok');
  const status = failed.some((name) => name in required) ? 'unavailable' : failed.length > 0 ? 'degraded' : 'ready';
  return { status, parts };
}

/** The status code for balancers and orchestrators. */
export function statusCodeOf({ status }: Health): number {
  return status === 'unavailable' ? 503 : 200;
}
