import { OPERATIONS, type OperationName } from '../cases/operations.ts';
import { makeWorkload, requestsOf } from '../cases/workload.ts';
import type { Cluster } from '../fixtures/cluster.ts';
import { type Filled, startFor } from '../servers/participants.ts';
import { DIALECTS, type Server } from '../servers/start.ts';
import { figuresOf, interleave, type Meter, ratioOf } from './slices.ts';

/** Median milliseconds in the small and the large database, and their ratio. */
export interface Scaling {
  small: number;
  large: number;
  ratio: number;
}

/** Sequential requests: the measurement is about the work of one request, without waits for others. */
const CONNECTIONS = 1;

/** Appends leave thousands of dead rows of one tenant until vacuum runs, which would slow the reads. */
const READS_FIRST = OPERATIONS.toSorted((one, other) => Number(one.writes ?? false) - Number(other.writes ?? false));

/**
 * Compares Agentbase over two databases. All requests are of the largest tenant: it has full pages in both, so the responses have the
 * same length, and a hundred times as many rows in the large database.
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
    { name: 'small', tenants: small.tenants, server },
    { name: 'large', tenants: large.tenants, server: large.server },
  ];
  const entries: [OperationName, Scaling][] = [];
  for (const { name: operation } of READS_FIRST) {
    const contenders = sides.map(({ name, tenants, server: one }) => {
      const items = makeWorkload(tenants, { only: 1 })[operation];
      const credentials = tenants.map(({ apiKey }) => apiKey);
      return { name, server: one, operation, requests: requestsOf(DIALECTS.agentbase, operation, items, credentials) };
    });
    const [few = [], many = []] = await interleave(meter, contenders, { ...timing, connections: CONNECTIONS });
    entries.push([operation, { small: figuresOf(few).p50, large: figuresOf(many).p50, ratio: ratioOf(many, few, 'p50') }]);
  }
  await cluster.processes.end(server.pid);
  return Object.fromEntries(entries) as Record<OperationName, Scaling>;
}
