import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { p50, quantile } from '../lib/figures.ts';
import { type Section, writePage } from '../lib/report.ts';
import { SETTINGS } from '../runs/cluster.ts';
import { type Commits, type FanOut, type Latency, PROCESSES } from './phases.ts';
import type { ServerName } from './watch.ts';

export const TENANTS = 5;
export const ROOMS_PER_TENANT = 10;
/** Subscribers of each conversation. */
export const READERS = 40;
/** Messages per second; each has 40 deliveries. */
export const PER_SECOND = 50;
/** Events per conversation in a burst, and bursts per round of a full run. */
export const BURST = { events: 20, times: 3 };
export const CLIENTS = 8;

const TARGETS = { fanOut: 3, p99Ms: 150, commits: 0.9 };

const docs = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

/** Results of the counted rounds. */
export interface Rounds {
  fans: Record<ServerName, FanOut[]>;
  latencies: Latency[];
  committed: Record<'off' | 'on', Commits[]>;
}

export type LiveFigures = ReturnType<typeof figuresOf>;

/** All results of a run: docs/bench-live.json. */
export function figuresOf(rounds: number, { fans, latencies, committed }: Rounds) {
  const medianOf = (name: ServerName, figure: keyof FanOut) => p50(fans[name].map((round) => round[figure]));
  const memoryOf = (name: ServerName) => fans[name].map(({ memory }) => memory);
  const ratesOf = (views: 'on' | 'off') => committed[views].map(({ rate }) => rate);
  const cpuOfWorkers = (views: 'on' | 'off') =>
    PROCESSES.map((_, worker) => p50(committed[views].map(({ cpu }) => cpu[worker] ?? Number.NaN)));
  const ages = latencies.flatMap((round) => round.ages);
  return {
    subscribers: TENANTS * ROOMS_PER_TENANT * READERS,
    conversations: TENANTS * ROOMS_PER_TENANT,
    rounds,
    deliveriesPerSecond: { agentbase: medianOf('agentbase', 'rate'), stock: medianOf('stock', 'rate') },
    fanOutRatio: p50(fans.agentbase.map(({ rate }, round) => rate / (fans.stock[round]?.rate ?? Number.NaN))),
    cpuMicrosecondsPerDelivery: { agentbase: medianOf('agentbase', 'cpu'), stock: medianOf('stock', 'cpu') },
    // The maximum: later rounds reuse memory that the process already has.
    kilobytesPerSubscriber: {
      agentbase: quantile(memoryOf('agentbase'), 1) / 1024,
      stock: quantile(memoryOf('stock'), 1) / 1024,
    },
    latencyMs: { deliveries: ages.length, p50: p50(ages), p99: quantile(ages, 0.99), max: quantile(ages, 1) },
    cpuMicrosecondsPerPacedDelivery: p50(latencies.map(({ cpu }) => cpu)),
    commitsPerSecond: { off: p50(ratesOf('off')), on: p50(ratesOf('on')) },
    commitRatio: p50(ratesOf('on').map((on, round) => on / (ratesOf('off')[round] ?? Number.NaN))),
    coresWhileCommitting: { processes: [...PROCESSES], off: cpuOfWorkers('off'), on: cpuOfWorkers('on') },
    everyRound: { fans, committed },
  };
}

export function headOf({ subscribers, conversations, rounds }: LiveFigures): string {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `\`${name}=${value}\``);
  return `# Live fan-out benchmark

Written by \`npm run bench:live\` on 2 cores: ${subscribers.toLocaleString('en-US')} subscribers of ${conversations} conversations of ${TENANTS} tenants on one process, half over SSE and half over
WebSockets, with four credentials per tenant. The figures are medians of ${rounds} rounds, in which the servers take turns. The server, stock Yoga, the subscribers, the writer and a private
PostgreSQL (${settings.join(', ')}, no fsync) are separate processes that share the cores. The sequence number of every delivery is checked; one in 97 deliveries is parsed and checked in full.
Stock Yoga is \`createPubSub\` with SSE by Yoga and WebSockets by graphql-ws, as documented: without database and authentication, with the same document and response shape.`;
}

const verdict = (reached: boolean) => (reached ? 'reached' : '**missed**');

function targetSection({ fanOutRatio, latencyMs, commitRatio }: LiveFigures): Section {
  return {
    title: 'Targets',
    text: 'Ratios are medians of the ratios of the rounds.',
    header: ['', 'target', 'measured', ''],
    rows: [
      [
        'deliveries/s relative to stock Yoga',
        `≥ ${TARGETS.fanOut}`,
        fanOutRatio.toFixed(2),
        verdict(fanOutRatio >= TARGETS.fanOut),
      ],
      ['p99 from commit to client, ms', `≤ ${TARGETS.p99Ms}`, latencyMs.p99.toFixed(1), verdict(latencyMs.p99 <= TARGETS.p99Ms)],
      [
        'commits/s with subscribers relative to without',
        `≥ ${TARGETS.commits}`,
        commitRatio.toFixed(2),
        verdict(commitRatio >= TARGETS.commits),
      ],
    ],
  };
}

function fanOutSection(figures: LiveFigures): Section {
  const { conversations, deliveriesPerSecond, cpuMicrosecondsPerDelivery, kilobytesPerSubscriber } = figures;
  return {
    title: 'Fan-out',
    text:
      `Bursts of ${BURST.events} messages in each of ${conversations} conversations at once, ${BURST.times} per round; a burst ends when every subscriber has received all of them. Stock Yoga publishes ` +
      'in memory. Agentbase receives a notice of the commit of another process, reads the rows under row-level security and checks the permissions of every subscriber. Memory is the growth of the ' +
      'process per subscriber after the first event, in the round with the largest growth. CPU is that of the server process.',
    header: ['', 'agentbase', 'stock Yoga'],
    rows: [
      ['deliveries/s', Math.round(deliveriesPerSecond.agentbase), Math.round(deliveriesPerSecond.stock)],
      ['CPU per delivery, µs', cpuMicrosecondsPerDelivery.agentbase, cpuMicrosecondsPerDelivery.stock],
      ['memory per subscriber, KiB', kilobytesPerSubscriber.agentbase, kilobytesPerSubscriber.stock],
    ],
  };
}

function latencySection({ latencyMs, cpuMicrosecondsPerPacedDelivery }: LiveFigures): Section {
  return {
    title: 'From commit to client',
    text: `${PER_SECOND} messages per second are appended through the API of the same process: ${PER_SECOND * READERS} deliveries per second. Latency is the time from the commit in PostgreSQL (\`track_commit_timestamp\`) until the client has received the event. CPU is that of the server process, including the appends.`,
    header: ['deliveries', 'p50 ms', 'p99 ms', 'max ms', 'CPU per delivery, µs'],
    rows: [
      [
        latencyMs.deliveries.toLocaleString('en-US'),
        latencyMs.p50,
        latencyMs.p99,
        latencyMs.max,
        cpuMicrosecondsPerPacedDelivery,
      ],
    ],
  };
}

function commitSection({ subscribers, commitsPerSecond, coresWhileCommitting }: LiveFigures): Section {
  return {
    title: 'Commits during deliveries',
    text: `\`appendMessage\` over HTTP by ${CLIENTS} clients that wait for each response, in conversations without subscribers, while ${PER_SECOND} messages per second are appended to the other conversations: without subscribers, and with ${subscribers} subscribers that receive ${PER_SECOND * READERS} deliveries per second from the same process. The lower rows are the cores that each process uses. The subscribers share the cores, so their work also reduces the commits.`,
    header: ['', 'no subscribers', 'with subscribers'],
    rows: [
      ['commits/s', Math.round(commitsPerSecond.off), Math.round(commitsPerSecond.on)],
      ...PROCESSES.map((name, worker) => [
        `cores: ${name}`,
        coresWhileCommitting.off[worker] ?? Number.NaN,
        coresWhileCommitting.on[worker] ?? Number.NaN,
      ]),
    ],
  };
}

export function sectionsOf(figures: LiveFigures): Section[] {
  return [targetSection(figures), fanOutSection(figures), latencySection(figures), commitSection(figures)];
}

export function readFigures(): LiveFigures {
  return JSON.parse(readFileSync(docs('bench-live.json'), 'utf8')) as LiveFigures;
}

export function storeFigures(figures: LiveFigures): void {
  writeFileSync(docs('bench-live.json'), `${JSON.stringify(figures, null, 2)}\n`);
}

export function writeLiveDocs(figures: LiveFigures): void {
  writePage(docs('bench-live.md'), headOf(figures), sectionsOf(figures));
}
