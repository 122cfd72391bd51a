/**
 * `npm run bench:live [-- --quick] [--only deliveries|latency|commits]`: two thousand subscribers of fifty conversations on one server
 * process, compared with stock Yoga pub/sub in the same run. Prints the figures. A full run of all phases also writes
 * docs/bench-live.md and docs/bench-live.json.
 */
import { parseArgs } from 'node:util';
import { sectionText } from './lib/report.ts';
import { startCluster } from './live/cluster.ts';
import { commits, fanOut, latency } from './live/phases.ts';
import {
  BURST,
  CLIENTS,
  figuresOf,
  headOf,
  PER_SECOND,
  READERS,
  ROOMS_PER_TENANT,
  type Rounds,
  sectionsOf,
  storeFigures,
  TENANTS,
  writeLiveDocs,
} from './live/report.ts';
import { createTenants } from './live/rooms.ts';
import type { Plan, ServerName } from './live/watch.ts';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
const rounds = options.quick ? 1 : 5;
const isMeasured = (phase: 'deliveries' | 'latency' | 'commits') => options.only === undefined || options.only === phase;
const burst = { ...BURST, times: options.quick ? 2 : BURST.times };
const forMs = options.quick ? 3_000 : 4_000;

const cluster = await startCluster();
const results: Rounds = { fans: { agentbase: [], stock: [] }, latencies: [], committed: { off: [], on: [] } };
try {
  const tenants = await createTenants(cluster.agentbase.url, TENANTS, ROOMS_PER_TENANT);
  const plan: Plan = { tenants, rooms: tenants.flatMap((tenant) => tenant.rooms), readers: READERS };
  const busy = await createTenants(cluster.agentbase.url, 2, 25);
  // Round 0 is a warm-up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const names: ServerName[] = round % 2 ? ['agentbase', 'stock'] : ['stock', 'agentbase'];
    for (const name of isMeasured('deliveries') ? names : []) {
      const measured = await fanOut(cluster, plan, name, burst);
      if (round > 0) results.fans[name].push(measured);
    }
    if (isMeasured('latency')) {
      const measured = await latency(cluster, plan, PER_SECOND, forMs);
      if (round > 0) results.latencies.push(measured);
    }
    const views = round % 2 ? [true, false] : [false, true];
    for (const on of isMeasured('commits') ? views : []) {
      const measured = await commits(cluster, plan, on, { busy, atOnce: CLIENTS, perSecond: PER_SECOND, forMs });
      if (round > 0) results.committed[on ? 'on' : 'off'].push(measured);
    }
  }
} finally {
  await cluster.stop();
}

const figures = figuresOf(rounds, results);
console.log(`${headOf(figures)}\n`);
for (const section of sectionsOf(figures)) console.log(`${sectionText(section)}\n`);
if (!options.quick && !options.only) {
  storeFigures(figures);
  writeLiveDocs(figures);
}
