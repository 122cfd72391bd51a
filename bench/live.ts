/**
 * `npm run bench:live [-- --quick]`: two thousand subscribers of fifty conversations on one server process, against stock Yoga
 * pub/sub in the same run. Prints what it measures, and writes it to docs/bench-live.md and docs/bench-live.json after a full run.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { p50, quantile } from './knowledge/figures.ts';
import { sectionText, writePage } from './knowledge/report.ts';
import { type Cluster, startCluster } from './live/cluster.ts';
import { commits, type FanOut, fanOut, latency } from './live/phases.ts';
import type { Plan, ServerName } from './live/watch.ts';
import { makeTenants } from './live/world.ts';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, rounds: { type: 'string' } },
});
const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));

const TENANTS = 5;
const ROOMS_OF_EACH = 10;
const READERS = 40;
const BURST = { events: 20, times: 3 };

const cluster = await startCluster();
try {
  const tenants = await makeTenants(cluster.agentbase.url, TENANTS, ROOMS_OF_EACH);
  const plan: Plan = { tenants, rooms: tenants.flatMap((tenant) => tenant.rooms), readers: READERS };
  const names: ServerName[] = ['agentbase', 'stock'];
  const got: Record<ServerName, FanOut[]> = { agentbase: [], stock: [] };
  if (!options.only || options.only === 'fan-out')
    for (let round = 0; round < rounds; round++) {
      for (const name of round % 2 ? names.toReversed() : names) {
        const one = await fanOut(cluster, plan, name, BURST);
        got[name].push(one);
        console.log(name, one);
      }
    }
  if (!options.only || options.only === 'latency') {
    const { ages, cpu } = await latency(cluster, plan, 50, 5_000);
    console.log('latency', ages.length, p50(ages), quantile(ages, 0.99), Math.max(...ages), Math.min(...ages), cpu);
  }
  if (!options.only || options.only === 'commits') {
    const busy = await makeTenants(cluster.agentbase.url, 2, 25);
    for (let round = 0; round < rounds; round++)
      for (const on of round % 2 ? [true, false] : [false, true])
        console.log('commits', on, await commits(cluster, plan, on, { busy, atOnce: 8, perSecond: 50, forMs: 4_000 }));
  }
} finally {
  await cluster.stop();
}
