import { type Answerer, ask } from '../cases/check.ts';
import type { Cluster } from '../fixtures/cluster.ts';
import { FEW, FULL, OPERATIONS, type OperationName, type Sizes } from '../cases/operations.ts';
import { type Counts, minus, startWireCounter, type WireCounter } from './pg-proxy.ts';
import { countingPlans, type PlanCounts } from './query-plans.ts';
import type { Filled } from '../servers/participants.ts';
import { DIALECTS, POOL_SIZE, type Program, type Server, startServer } from '../servers/start.ts';
import { makeWorkload } from '../cases/workload.ts';

/** What one request of an operation takes. */
export interface WireFigures {
  roundTrips: number;
  statements: number;
  /** Statements that say who acts, or begin and end a transaction. */
  framing: number;
  /** Own statements where each list has two rows at most. */
  statementsFew: number;
  /** Part of the statements that had been prepared, once everything has been asked before. */
  preparedHits: number;
  /** Part of them that PostgreSQL had a plan for, those inside of functions and triggers among them. */
  planHits: number;
}

const WARM_UP = 20;
const COUNTED = 15;
/** Over all connections, until each of them has prepared what it needs and executed it so often that its plan is kept. */
const CROWD = 640;
/** Those of them that are counted afterwards. */
const CROWD_COUNTED = 160;

/**
 * Counts what the servers send to PostgreSQL, from between the two, the same way for each. Requests go one after another, and the
 * least of them counts: what a server does now and then, such as looking up a credential again, only ever adds.
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
        // What is heard of the database and of jobs in between is no part of a request.
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

async function countFor(server: Server, counters: Counters, { world }: Filled): Promise<Record<OperationName, WireFigures>> {
  const credentials = world.map(({ apiKey }) => apiKey);
  const answerer: Answerer = { name: server.program, url: server.url, dialect: DIALECTS[server.program], credentials };
  const entries: [OperationName, WireFigures][] = [];
  for (const { name } of OPERATIONS) {
    const full = await countOperation(answerer, counters.counter, name, FULL, world);
    const few = await countOperation(answerer, counters.counter, name, FEW, world);
    const hits = await hitsOf(answerer, counters, name, world);
    const { roundTrips, statements, framing } = full;
    entries.push([name, { roundTrips, statements, framing, statementsFew: few.statements, ...hits }]);
  }
  return Object.fromEntries(entries) as Record<OperationName, WireFigures>;
}

async function countOperation(
  answerer: Answerer,
  counter: WireCounter,
  operation: OperationName,
  sizes: Sizes,
  world: Filled['world'],
): Promise<Counts> {
  // The largest tenant has whole pages of everything.
  const asked = makeWorkload(world, { only: 1, sizes, count: WARM_UP + COUNTED })[operation];
  const counts: Counts[] = [];
  for (const question of asked) {
    const before = counter.counts();
    await ask(answerer, operation, question, answerer.credentials[question.person] ?? '');
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

/** Asks with as many at once as there are connections, and looks at the last of them. */
async function hitsOf(
  answerer: Answerer,
  { counter, plans }: Counters,
  operation: OperationName,
  world: Filled['world'],
): Promise<Pick<WireFigures, 'preparedHits' | 'planHits'>> {
  const asked = makeWorkload(world, { only: 1, count: CROWD })[operation];
  const crowd = async (questions: typeof asked) => {
    const queue = questions.values();
    const one = async () => {
      for (const question of queue) await ask(answerer, operation, question, answerer.credentials[question.person] ?? '');
    };
    await Promise.all(Array.from({ length: POOL_SIZE }, one));
  };
  await crowd(asked);
  const [before, plansBefore] = [counter.counts(), await plans()];
  await crowd(asked.slice(0, CROWD_COUNTED));
  const plansAfter = await plans();
  // BEGIN and what else goes out as plain text has nothing to prepare.
  const { hits, binds } = minus(counter.counts(), before);
  const planned = (plansAfter.planned - plansBefore.planned) / (plansAfter.executed - plansBefore.executed);
  return { preparedHits: hits / binds, planHits: 1 - planned };
}
