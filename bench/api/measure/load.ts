/** A process of its own that sends requests over so many connections, the next when the last is answered. */
import { createHistogram } from 'node:perf_hooks';
import { Pool } from 'undici';
import { v7 } from 'uuid';
import { NEW_UUID } from '../cases/operations.ts';

export interface Request {
  authorization: string;
  /** A new UUID takes the place of `NEW_UUID`, wherever it stands. */
  body: string;
  /** What a right answer has in it. */
  expect: string;
}

export interface Plan {
  /** The name of the plan: it stays here. */
  plan: string;
  url: string;
  requests: Request[];
}

export interface Run {
  run: string;
  connections: number;
  /** Stops after so long, or once so many are answered. */
  forMs: number;
  count?: number;
}

export interface Load {
  answered: number;
  seconds: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  mean: number;
  wrong: number;
  /** One of the wrong answers. */
  example?: string;
}

const plans = new Map<string, { pool: Pool; path: string; requests: Request[]; next: number }>();
const MOST_CONNECTIONS = 64;

function keep({ plan, url, requests }: Plan): void {
  const { origin, pathname } = new URL(url);
  const known = plans.get(plan);
  const pool = known?.pool ?? new Pool(origin, { connections: MOST_CONNECTIONS, pipelining: 1, keepAliveTimeout: 60_000 });
  plans.set(plan, { pool, path: pathname, requests, next: known?.next ?? 0 });
}

async function run({ run: name, connections, forMs, count = Number.POSITIVE_INFINITY }: Run): Promise<Load> {
  const plan = plans.get(name);
  if (!plan) throw new Error(`there is no plan ${name}`);
  const { pool, path, requests } = plan;
  const times = createHistogram();
  let [answered, wrong, sent] = [0, 0, 0];
  let example: string | undefined;
  const start = performance.now();
  const end = start + forMs;
  const one = async () => {
    while (performance.now() < end && sent < count) {
      sent++;
      const { authorization, body, expect } = requests[plan.next++ % requests.length] as Request;
      const uuid = body.includes(NEW_UUID) ? v7() : undefined;
      const from = performance.now();
      const response = await pool.request({
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', authorization },
        body: uuid ? body.replaceAll(NEW_UUID, uuid) : body,
      });
      const text = await response.body.text();
      times.record(Math.max(1, Math.round((performance.now() - from) * 1e6)));
      answered++;
      if (response.statusCode !== 200 || text.includes('"errors":') || !text.includes(uuid ?? expect)) {
        wrong++;
        example ??= `${response.statusCode} ${text.slice(0, 500)}`;
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - start) / 1_000;
  const milliseconds = (percentile: number) => times.percentile(percentile) / 1e6;
  return {
    answered,
    seconds,
    p50: milliseconds(50),
    p99: milliseconds(99),
    mean: times.mean / 1e6,
    wrong,
    ...(example ? { example } : {}),
  };
}

process.once('disconnect', () => process.exit(0));
process.on('message', async (message: Plan | Run) => {
  if ('plan' in message) {
    keep(message);
    process.send?.({});
  } else process.send?.(await run(message));
});
