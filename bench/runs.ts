/**
 * `npm run bench:runs [-- --rounds 2]`: fifty concurrent runs on two worker processes and one server process over a private PostgreSQL.
 * Measures the latency from a token of the model to the subscriber, and the latency of concurrent reads. Prints the figures, writes
 * docs/bench-runs.md after a full number of rounds, and fails if a bound is missed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuOf, machineCpu } from './lib/cpu.ts';
import { mean } from './lib/figures.ts';
import { type Section, sectionText, writePage } from './lib/report.ts';
import { type Cluster, SETTINGS, startCluster } from './runs/cluster.ts';
import { createFixture, type Fixture } from './runs/conversations.ts';
import type { Times } from './runs/reader.ts';
import type { Received } from './runs/subscriber.ts';

const PAGE = fileURLToPath(new URL('../docs/bench-runs.md', import.meta.url));
const ROUNDS = 6;
const RUNS = 50;
const TENANTS = 10;
/** Typical rate of a hosted model. */
const PACE = { tokens: 400, everyMs: 25 };
const READ_MS = 6_000;
const DELTA_P95_MS = 150;
const MAX_READ_RATIO = 1.5;
const OTHER = 'other processes';

/** Cores that other processes may use in a round. Rounds above it are repeated. */
const MAX_OTHER_CORES = 0.15;
const MAX_ATTEMPTS = 4 * ROUNDS;

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: String(ROUNDS) } } });
const rounds = Number(options.rounds);

interface Phase {
  times: Times;
  /** Cores in use, by process. */
  cpu: Record<string, number>;
}

/** Runs the reader and measures the processor time of all processes meanwhile. */
async function measureReads({ reader, processes, url }: Cluster, fixture: Fixture): Promise<Phase> {
  const [before, machineBefore, start] = [cpuOf(processes), machineCpu(), performance.now()];
  const times = await reader.request<Times>({ url, ...fixture.reader, forMs: READ_MS });
  const seconds = (performance.now() - start) / 1_000;
  const after = cpuOf(processes);
  const cpu = Object.fromEntries(
    Object.keys(processes).map((name) => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / seconds]),
  );
  const all = (machineCpu() - machineBefore) / seconds;
  const own = Object.values(cpu).reduce((sum, part) => sum + part, 0);
  return { times, cpu: { ...cpu, [OTHER]: Math.max(0, all - own) } };
}

interface Busy extends Phase {
  received: Received;
  /** Milliseconds until all runs had begun to write, and until all had ended. */
  begunMs: number;
  endedMs: number;
}

async function busyRound(cluster: Cluster, fixture: Fixture): Promise<Busy> {
  const { subscriber } = cluster;
  const untilAll = async (count: 'begun' | 'ended') => {
    while ((await subscriber.request<Received>({ readCounts: true }))[count] < RUNS) await delay(20);
    return performance.now() - start;
  };
  const conversations = await fixture.open();
  await subscriber.request({ watch: { url: cluster.url, subscriptions: conversations } });
  const start = performance.now();
  await fixture.start(conversations, PACE);
  const begunMs = await untilAll('begun');
  const phase = await measureReads(cluster, fixture);
  const endedMs = await untilAll('ended');
  return { ...phase, begunMs, endedMs, received: await subscriber.request<Received>({ take: true }) };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function deltaSection(busy: Busy[]): Section {
  const rows = busy.map(({ received, begunMs, endedMs }, index) =>
    rowOf(`round ${index + 1}`, received.ages, received.deltas, begunMs, endedMs),
  );
  const all = busy.flatMap(({ received }) => received.ages);
  const sum = busy.reduce((total, { received }) => total + received.deltas, 0);
  const p95 = quantile(all, 0.95);
  const longest = (pick: (round: Busy) => number) => Math.max(...busy.map(pick));
  return {
    title: 'From the model to the subscriber',
    text:
      `Milliseconds from the time at which the model server sent a token until a subscriber received it over a WebSocket; each token encodes its time. ` +
      `At most ${DELTA_P95_MS} ms at the 95th percentile. A worker writes the text of a run at most every 60 ms, and every 85 ms with 25 runs; a token waits half of that on average.`,
    header: ['', 'tokens', 'deltas', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'all begun after ms', 'all ended after ms'],
    rows: [
      ...rows,
      rowOf(
        'all',
        all,
        sum,
        longest(({ begunMs }) => begunMs),
        longest(({ endedMs }) => endedMs),
      ),
    ],
    failures: p95 > DELTA_P95_MS ? [`p95 of deltas is ${p95.toFixed(0)} ms, at most ${DELTA_P95_MS} allowed`] : [],
  };
}

function rowOf(name: string, ages: number[], deltas: number, begunMs: number, endedMs: number) {
  const [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1].map((share) => Math.round(quantile(ages, share)));
  return [name, ages.length, deltas, p50 ?? 0, p95 ?? 0, p99 ?? 0, max ?? 0, Math.round(begunMs), Math.round(endedMs)];
}

function readSection(idle: Phase[], busy: Phase[]): Section {
  const failures: string[] = [];
  const rows = Object.keys(idle[0]?.times ?? {}).flatMap((query) =>
    [
      ['p50', 0.5],
      ['p95', 0.95],
    ].map(([name, share]) => {
      const [before, during] = [idle, busy].map((phases) =>
        quantile(
          phases.flatMap(({ times }) => times[query] ?? []),
          Number(share),
        ),
      ) as [number, number];
      const ratio = during / before;
      if (name === 'p50' && ratio > MAX_READ_RATIO)
        failures.push(`p50 of ${query} reads is ${ratio.toFixed(2)} times the idle value, at most ${MAX_READ_RATIO} allowed`);
      return [`${query}, ${name}`, before, during, ratio];
    }),
  );
  return {
    title: 'Concurrent reads',
    text:
      `One client of another tenant sends queries to the same server, one after another with a pause of 10 ms: ${READ_MS / 1000} seconds without runs, then as ` +
      `long while all ${RUNS} runs write, alternating ${busy.length} times. A flat query of 20 agents, and a nested query of 10 conversations with their agents and 5 messages ` +
      `each. The median during the runs must be at most ${MAX_READ_RATIO} times the idle median. The high percentiles include waits for a processor, because all processes share two cores.`,
    header: ['milliseconds', 'idle', `${RUNS} runs`, 'ratio'],
    rows,
    failures,
  };
}

function cpuSection(idle: Phase[], busy: Phase[]): Section {
  const names = Object.keys(idle[0]?.cpu ?? {});
  return {
    title: 'Processor time',
    text:
      'Processor time of each process in percent of one core, during the same reads. The model, the subscriber and the reader belong to the benchmark and share ' +
      'the machine with the measured processes.',
    header: ['percent of a core', 'idle', `${RUNS} runs`],
    rows: names.map((name) => [
      name,
      ...[idle, busy].map((phases) => Math.round(100 * mean(phases.map(({ cpu }) => cpu[name] ?? 0)))),
    ]),
  };
}

function head(): string {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `\`${name}=${value}\``);
  return `# Run benchmark

Written by \`npm run bench:runs\` on 2 cores, from rounds without other load on the machine. Agents run in ${RUNS} conversations of ${TENANTS} tenants concurrently, on two worker processes and
one server process over a private PostgreSQL with ${settings.join(', ')} and no fsync. A model server in a separate process sends ${PACE.tokens} tokens to each run, one every
${PACE.everyMs} ms: ${(RUNS * 1000) / PACE.everyMs} per second in total. Each conversation has one subscriber with its own WebSocket.`;
}

const cluster = await startCluster();
const failures: string[] = [];
try {
  const fixture = await createFixture(cluster, TENANTS, RUNS);
  // Warm-up.
  await measureReads(cluster, fixture);
  await busyRound(cluster, fixture);
  const [idle, busy]: [Phase[], Busy[]] = [[], []];
  for (let round = 0; busy.length < rounds; round++) {
    if (round === MAX_ATTEMPTS) throw new Error(`other processes used more than ${MAX_OTHER_CORES} cores in too many rounds`);
    await delay(1_000);
    const [before, during] = [await measureReads(cluster, fixture), await busyRound(cluster, fixture)];
    const other = Math.max(...[before, during].map(({ cpu }) => cpu[OTHER] ?? 0));
    if (other > MAX_OTHER_CORES) {
      console.log(`round repeated: other processes used ${Math.round(100 * other)} % of a core`);
      continue;
    }
    idle.push(before);
    busy.push(during);
  }
  const sections = [deltaSection(busy), readSection(idle, busy), cpuSection(idle, busy)];
  console.log(`${head()}\n`);
  for (const section of sections) console.log(`${sectionText(section)}\n`);
  failures.push(...sections.flatMap((section) => section.failures ?? []));
  if (rounds === ROUNDS) writePage(PAGE, head(), sections);
} finally {
  await cluster.stop();
}
for (const failure of failures) console.error(`FAIL ${failure}`);
console.log(failures.length === 0 ? 'ok' : `${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
