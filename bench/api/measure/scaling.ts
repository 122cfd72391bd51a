import type { Cluster } from '../fixtures/cluster.ts';
import { figuresOf, interleave, type Meter, ratioOf } from './slices.ts';
import { OPERATIONS, type OperationName } from '../cases/operations.ts';
import { type Filled, startFor } from '../servers/participants.ts';
import { DIALECTS, type Server } from '../servers/start.ts';
import { makeWorkload, requestsOf } from '../cases/workload.ts';

/** Milliseconds at the median, in the small and the large database, and how many times as long. */
export interface Scaling {
  small: number;
  large: number;
  ratio: number;
}

/** One after another, so that nobody waits for anybody: it is the work of one request that may grow. */
const CONNECTIONS = 1;

/** What is appended leaves thousands of old rows of one tenant behind, in seconds; those are for vacuum, and nobody else's to step over. */
const READS_FIRST = OPERATIONS.toSorted((one, other) => Number(one.writes ?? false) - Number(other.writes ?? false));

/**
 * Agentbase over two databases, side by side. Only the largest tenant is asked for: it has whole pages in both, a hundred times as much
 * behind them in the large one, so that answers are as long in both.
 */
export async function measureScaling(
  cluster: Cluster,
  meter: Meter,
  small: Filled,
  large: Filled & { server: Server },
  timing: { rounds: number; sliceMs: number },
): Promise<Record<OperationName, Scaling>> {
  const server = await startFor(cluster, small, 'agentbase');
  const sides = [
    { name: 'small', world: small.world, server },
    { name: 'large', world: large.world, server: large.server },
  ];
  const entries: [OperationName, Scaling][] = [];
  for (const { name: operation } of READS_FIRST) {
    const contenders = sides.map(({ name, world, server: one }) => {
      const asked = makeWorkload(world, { only: 1 })[operation];
      const credentials = world.map(({ apiKey }) => apiKey);
      return { name, server: one, operation, requests: requestsOf(DIALECTS.agentbase, operation, asked, credentials) };
    });
    const [few = [], many = []] = await interleave(meter, contenders, { ...timing, connections: CONNECTIONS });
    entries.push([operation, { small: figuresOf(few).p50, large: figuresOf(many).p50, ratio: ratioOf(many, few, 'p50') }]);
  }
  await cluster.processes.end(server.pid);
  return Object.fromEntries(entries) as Record<OperationName, Scaling>;
}
