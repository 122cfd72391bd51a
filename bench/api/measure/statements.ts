import { type Endpoint, execute } from '../cases/check.ts';
import { FEW, FULL, OPERATIONS, type OperationName, type Sizes } from '../cases/operations.ts';
import { makeWorkload } from '../cases/workload.ts';
import type { Cluster } from '../fixtures/cluster.ts';
import type { Filled } from '../servers/participants.ts';
import { DIALECTS, POOL_SIZE, type Program, type Server, startServer } from '../servers/start.ts';
import { type Counts, minus, startWireCounter, type WireCounter } from './pg-proxy.ts';
import { countingPlans, type PlanCounts } from './query-plans.ts';

/** What one request of an operation sends to PostgreSQL. */
export interface WireFigures {
  roundTrips: number;
  statements: number;
  /** Statements that set the session context, or begin and end a transaction. */
  framing: number;
  /** `statements` when each list has at most two rows. */
  statementsFew: number;
  /** Share of the statements that were prepared before, with warm caches. */
  preparedHits: number;
  /** Share of all executed statements, including those in functions and triggers, that reused a query plan. */
  planHits: number;
}

const WARM_UP = 20;
const COUNTED = 15;
/** Requests over all connections, enough for each to prepare its statements and to reach generic plans. */
const CONCURRENT_WARM_UP = 640;
/** Requests that are counted afterwards. */
const CONCURRENT_COUNTED = 160;

/**
 * Counts what the servers send to PostgreSQL through a proxy. Requests are sequential, and the minimum counts: occasional work such as
 * reloading a credential only adds statements.
 */
export async function countStatements(
  cluster: Cluster,
  filled: Filled,
  programs: Program[],
): Promise<Partial<Record<Program, Record<OperationName, WireFigures>>>> {
  return countingPlans(filled.database, async (plans) => {
    const counted: Partial<Record<Program, Record<OperationName, WireFigures>>> = {};
    for (const program of programs) {
      const counter = await startWireCounter(cluster.postgres.port);
      const { serverUrl, bypassUrl } = filled.database;
      const server = await startServer(cluster.processes, {
        program,
        secrets: filled.secrets,
        databaseUrl: counter.url(serverUrl),
        bypassUrl,
        // Notices and jobs bypass the proxy: they are not part of a request.
        listenUrl: serverUrl,
      });
      try {
        counted[program] = await countFor(server, { counter, plans }, filled);
      } finally {
        await cluster.processes.end(server.pid);
        await counter.stop();
      }
    }
    return counted;
  });
}

interface Counters {
  counter: WireCounter;
  plans: () => Promise<PlanCounts>;
}

async function countFor(server: Server, counters: Counters, { tenants }: Filled): Promise<Record<OperationName, WireFigures>> {
  const credentials = tenants.map(({ apiKey }) => apiKey);
  const endpoint: Endpoint = { name: server.program, url: server.url, dialect: DIALECTS[server.program], credentials };
  const entries: [OperationName, WireFigures][] = [];
  for (const { name } of OPERATIONS) {
    const full = await countOperation(endpoint, counters.counter, name, FULL, tenants);
    const few = await countOperation(endpoint, counters.counter, name, FEW, tenants);
    const hits = await hitsOf(endpoint, counters, name, tenants);
    const { roundTrips, statements, framing } = full;
    entries.push([name, { roundTrips, statements, framing, statementsFew: few.statements, ...hits }]);
  }
  return Object.fromEntries(entries) as Record<OperationName, WireFigures>;
}

async function countOperation(
  endpoint: Endpoint,
  counter: WireCounter,
  operation: OperationName,
  sizes: Sizes,
  tenants: Filled['tenants'],
): Promise<Counts> {
  // The largest tenant has full pages of all lists.
  const items = makeWorkload(tenants, { only: 1, sizes, count: WARM_UP + COUNTED })[operation];
  const counts: Counts[] = [];
  for (const input of items) {
    const before = counter.counts();
    await execute(endpoint, operation, input, endpoint.credentials[input.tenantIndex] ?? '');
    counts.push(minus(counter.counts(), before));
  }
  const warm = counts.slice(WARM_UP);
  const of = (name: keyof Counts) => Math.min(...warm.map((count) => count[name]));
  return {
    roundTrips: of('roundTrips'),
    statements: of('statements'),
    framing: of('framing'),
    hits: of('hits'),
    binds: of('binds'),
  };
}

/** Warms all connections with concurrent requests, then measures the hit rates of further ones. */
async function hitsOf(
  endpoint: Endpoint,
  { counter, plans }: Counters,
  operation: OperationName,
  tenants: Filled['tenants'],
): Promise<Pick<WireFigures, 'preparedHits' | 'planHits'>> {
  const items = makeWorkload(tenants, { only: 1, count: CONCURRENT_WARM_UP })[operation];
  const sendConcurrently = async (some: typeof items) => {
    const queue = some.values();
    const one = async () => {
      for (const input of queue) await execute(endpoint, operation, input, endpoint.credentials[input.tenantIndex] ?? '');
    };
    await Promise.all(Array.from({ length: POOL_SIZE }, one));
  };
  await sendConcurrently(items);
  const [before, plansBefore] = [counter.counts(), await plans()];
  await sendConcurrently(items.slice(0, CONCURRENT_COUNTED));
  const plansAfter = await plans();
  // Binds exclude BEGIN and other statements of the simple protocol, which cannot be prepared.
  const { hits, binds } = minus(counter.counts(), before);
  const planned = (plansAfter.planned - plansBefore.planned) / (plansAfter.executed - plansBefore.executed);
  return { preparedHits: hits / binds, planHits: 1 - planned };
}
