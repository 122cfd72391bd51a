/** Child process that generates load: each connection sends the next request after the response to the last. */
import { createHistogram } from 'node:perf_hooks';
import { Pool } from 'undici';
import { v7 } from 'uuid';
import { NEW_UUID } from '../cases/operations.ts';

export interface Request {
  authorization: string;
  /** Each occurrence of `NEW_UUID` is replaced by a new UUID. */
  body: string;
  /** A text that every correct response contains. */
  expect: string;
}

export interface Plan {
  /** Name under which the process stores the requests. */
  plan: string;
  url: string;
  requests: Request[];
}

export interface Run {
  run: string;
  connections: number;
  /** The run ends after this time or after `count` requests. */
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
  /** The first wrong response. */
  example?: string;
}

const plans = new Map<string, { pool: Pool; path: string; requests: Request[]; next: number }>();
const MAX_CONNECTIONS = 64;

function store({ plan, url, requests }: Plan): void {
  const { origin, pathname } = new URL(url);
  const known = plans.get(plan);
  const pool = known?.pool ?? new Pool(origin, { connections: MAX_CONNECTIONS, pipelining: 1, keepAliveTimeout: 60_000 });
  plans.set(plan, { pool, path: pathname, requests, next: known?.next ?? 0 });
}

async function run({ run: name, connections, forMs, count = Number.POSITIVE_INFINITY }: Run): Promise<Load> {
  const plan = plans.get(name);
  if (!plan) throw new Error(`the plan ${name} was not stored`);
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
    store(message);
    process.send?.({});
  } else process.send?.(await run(message));
});
