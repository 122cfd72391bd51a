/**
 * `npm run bench:live [-- --quick] [--only deliveries|latency|commits]`: two thousand subscribers of fifty conversations on one server process, against stock Yoga
 * pub/sub in the same run. Prints what it measures, and writes it to docs/bench-live.md and docs/bench-live.json after a full run of
 * everything.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { p50, quantile } from './lib/figures.ts';
import { type Section, sectionText, writePage } from './lib/report.ts';
import { startCluster } from './live/cluster.ts';
import { type Commits, commits, type FanOut, fanOut, type Latency, latency, WORKERS } from './live/phases.ts';
import type { Plan, ServerName } from './live/watch.ts';
import { makeTenants } from './live/world.ts';
import { SETTINGS } from './runs/cluster.ts';

const page = (name: string) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
const rounds = options.quick ? 1 : 5;
const measures = (phase: 'deliveries' | 'latency' | 'commits') => options.only === undefined || options.only === phase;

const TENANTS = 5;
const ROOMS_OF_EACH = 10;
const READERS = 40;
const SUBSCRIBERS = TENANTS * ROOMS_OF_EACH * READERS;
/** Messages a second, which are 2,000 deliveries. */
const PER_SECOND = 50;
const BURST = { events: 20, times: options.quick ? 2 : 3 };
const FOR_MS = options.quick ? 3_000 : 4_000;
const AT_ONCE = 8;

const TARGETS = { fanOut: 3, p99Ms: 150, commits: 0.9 };

const cluster = await startCluster();
const fans: Record<ServerName, FanOut[]> = { agentbase: [], stock: [] };
const late: Latency[] = [];
const committed = { off: [] as Commits[], on: [] as Commits[] };
try {
  const tenants = await makeTenants(cluster.agentbase.url, TENANTS, ROOMS_OF_EACH);
  const plan: Plan = { tenants, rooms: tenants.flatMap((tenant) => tenant.rooms), readers: READERS };
  const busy = await makeTenants(cluster.agentbase.url, 2, 25);
  // One more than is counted: in the first, everything is compiled and planned.
  for (let round = 0; round <= rounds; round++) {
    const names: ServerName[] = round % 2 ? ['agentbase', 'stock'] : ['stock', 'agentbase'];
    for (const name of measures('deliveries') ? names : []) {
      const one = await fanOut(cluster, plan, name, BURST);
      if (round > 0) fans[name].push(one);
    }
    if (measures('latency')) {
      const told = await latency(cluster, plan, PER_SECOND, FOR_MS);
      if (round > 0) late.push(told);
    }
    const views = round % 2 ? [true, false] : [false, true];
    for (const on of measures('commits') ? views : []) {
      const one = await commits(cluster, plan, on, { busy, atOnce: AT_ONCE, perSecond: PER_SECOND, forMs: FOR_MS });
      if (round > 0) committed[on ? 'on' : 'off'].push(one);
    }
  }
} finally {
  await cluster.stop();
}

const medianOf = (name: ServerName, what: keyof FanOut) => p50(fans[name].map((one) => one[what]));
const memoryOf = (name: ServerName) => fans[name].map(({ memory }) => memory);
const ratesOf = (views: 'on' | 'off') => committed[views].map(({ rate }) => rate);
const cpuOfWorkers = (views: 'on' | 'off') =>
  WORKERS.map((_, worker) => p50(committed[views].map(({ cpu }) => cpu[worker] ?? Number.NaN)));
const ages = late.flatMap((one) => one.ages);
const figures = {
  subscribers: SUBSCRIBERS,
  conversations: TENANTS * ROOMS_OF_EACH,
  rounds,
  deliveriesPerSecond: { agentbase: medianOf('agentbase', 'rate'), stock: medianOf('stock', 'rate') },
  fanOutRatio: p50(fans.agentbase.map(({ rate }, round) => rate / (fans.stock[round]?.rate ?? Number.NaN))),
  cpuMicrosecondsPerDelivery: { agentbase: medianOf('agentbase', 'cpu'), stock: medianOf('stock', 'cpu') },
  // Only the first use of a process adds memory; later ones find it there.
  kilobytesPerSubscriber: {
    agentbase: quantile(memoryOf('agentbase'), 1) / 1024,
    stock: quantile(memoryOf('stock'), 1) / 1024,
  },
  latencyMs: { deliveries: ages.length, p50: p50(ages), p99: quantile(ages, 0.99), max: quantile(ages, 1) },
  cpuMicrosecondsPerPacedDelivery: p50(late.map(({ cpu }) => cpu)),
  commitsPerSecond: { off: p50(ratesOf('off')), on: p50(ratesOf('on')) },
  commitRatio: p50(ratesOf('on').map((on, round) => on / (ratesOf('off')[round] ?? Number.NaN))),
  coresWhileCommitting: { workers: WORKERS, off: cpuOfWorkers('off'), on: cpuOfWorkers('on') },
  everyRound: { fans, committed },
};

const verdict = (reached: boolean) => (reached ? 'reached' : 'missed');
const sections: Section[] = [
  {
    title: 'Targets',
    text: 'Ratios are the median of the ratios of the rounds.',
    header: ['', 'target', 'measured', ''],
    rows: [
      [
        'deliveries a second, times stock Yoga',
        `≥ ${TARGETS.fanOut}`,
        figures.fanOutRatio.toFixed(2),
        verdict(figures.fanOutRatio >= TARGETS.fanOut),
      ],
      [
        'p99 from commit to client, ms',
        `≤ ${TARGETS.p99Ms}`,
        figures.latencyMs.p99.toFixed(1),
        verdict(figures.latencyMs.p99 <= TARGETS.p99Ms),
      ],
      [
        'commits a second with live views, times without',
        `≥ ${TARGETS.commits}`,
        figures.commitRatio.toFixed(2),
        verdict(figures.commitRatio >= TARGETS.commits),
      ],
    ],
  },
  {
    title: 'Fan-out',
    text:
      `${BURST.events} messages in each of ${figures.conversations} conversations at once, ${BURST.times} times in a round, each time until every subscriber has all of them. Stock Yoga publishes ` +
      'in memory; agentbase is woken by a commit of another process, reads the rows under row-level security and checks the rights of every subscriber. Memory is ' +
      'what the process grew by for each subscriber that was opened and told one event, in the round in which it grew the most; the CPU is that of the server process.',
    header: ['', 'agentbase', 'stock Yoga'],
    rows: [
      ['deliveries a second', Math.round(figures.deliveriesPerSecond.agentbase), Math.round(figures.deliveriesPerSecond.stock)],
      ['CPU a delivery, µs', figures.cpuMicrosecondsPerDelivery.agentbase, figures.cpuMicrosecondsPerDelivery.stock],
      ['memory a subscriber, KiB', figures.kilobytesPerSubscriber.agentbase, figures.kilobytesPerSubscriber.stock],
    ],
  },
  {
    title: 'From commit to client',
    text: `${PER_SECOND} messages a second are appended through the graph of the same process, which are ${PER_SECOND * READERS} deliveries a second. From the moment PostgreSQL committed (\`track_commit_timestamp\`) until the client had it. The CPU is that of the server process, appending included.`,
    header: ['deliveries', 'p50 ms', 'p99 ms', 'max ms', 'CPU a delivery, µs'],
    rows: [
      [
        figures.latencyMs.deliveries.toLocaleString('en-US'),
        figures.latencyMs.p50,
        figures.latencyMs.p99,
        figures.latencyMs.max,
        figures.cpuMicrosecondsPerPacedDelivery,
      ],
    ],
  },
  {
    title: 'Commits meanwhile',
    text: `\`appendMessage\` over HTTP by ${AT_ONCE} clients that wait for each answer, in conversations nobody watches, while ${PER_SECOND} messages a second are appended to the others: with nobody there, and with ${SUBSCRIBERS} subscribers that get ${PER_SECOND * READERS} deliveries a second from the same process. Below, how much of a core each process takes: what the subscribers take to read what they are told is missing to the commits as well.`,
    header: ['', 'nobody watches', 'live views'],
    rows: [
      ['commits a second', Math.round(figures.commitsPerSecond.off), Math.round(figures.commitsPerSecond.on)],
      ...WORKERS.map((name, worker) => [
        `cores: ${name}`,
        figures.coresWhileCommitting.off[worker] ?? Number.NaN,
        figures.coresWhileCommitting.on[worker] ?? Number.NaN,
      ]),
    ],
  },
];

const settings = Object.entries(SETTINGS).map(([name, value]) => `\`${name}=${value}\``);
const head = `# Live fan-out, measured

Written by \`npm run bench:live\`, on 2 cores: ${SUBSCRIBERS.toLocaleString('en-US')} subscribers of ${figures.conversations} conversations of ${TENANTS} tenants on one process, half of them over SSE and half over
WebSockets, with four credentials in each tenant. Medians of ${rounds} rounds, in which the servers take turns. The server, stock Yoga, the subscribers, the writer and a private
PostgreSQL (${settings.join(', ')}, no fsync) are a process each, and share the cores. Every delivery is counted and its number checked, one in 97 is parsed and looked at in full.
Stock Yoga is \`createPubSub\` with SSE by Yoga and WebSockets by graphql-ws, as documented: no database, no identity, the same document and the same shape.`;

console.log(`${head}\n`);
for (const section of sections) console.log(`${sectionText(section)}\n`);
if (!options.quick && !options.only) {
  writePage(page('bench-live.md'), head, sections);
  writeFileSync(page('bench-live.json'), `${JSON.stringify(figures, null, 2)}\n`);
}
