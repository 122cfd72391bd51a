/**
 * `npm run bench:runs [-- --rounds 2]`: fifty agents that answer at once, on two worker processes and one server process over a private
 * PostgreSQL. Takes the time from a model's token to who watches, and of reads meanwhile. Prints what it measures, writes it to
 * docs/bench-runs.md after all rounds, and fails where a bound is missed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuOf, machineCpu } from './lib/cpu.ts';
import { type Section, sectionText, writePage } from './lib/report.ts';
import { type Cluster, SETTINGS, startCluster } from './runs/cluster.ts';
import type { Times } from './runs/reader.ts';
import type { Told } from './runs/subscriber.ts';
import { makeWorld, type World } from './runs/world.ts';

const PAGE = fileURLToPath(new URL('../docs/bench-runs.md', import.meta.url));
const ROUNDS = 6;
const RUNS = 50;
const TENANTS = 10;
/** About what hosted models write. */
const PACE = { tokens: 400, everyMs: 25 };
const READ_MS = 6_000;
const DELTA_P95_MS = 150;
const READ_TIMES = 1.5;
const ELSE = 'everything else on the machine';

/** Rounds in which the machine did more than this beside, in cores, are taken again: they would tell of something else. */
const CALM = 0.15;
const MOST_ROUNDS = 4 * ROUNDS;

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: String(ROUNDS) } } });
const rounds = Number(options.rounds);

interface Phase {
  times: Times;
  /** Seconds of processor time in a second. */
  cpu: Record<string, number>;
}

/** Has somebody read for a while, and looks what everything costs meanwhile. */
async function readFor({ reader, processes, url }: Cluster, world: World): Promise<Phase> {
  const [before, machineBefore, start] = [cpuOf(processes), machineCpu(), performance.now()];
  const times = await reader.ask<Times>({ url, ...world.reader, forMs: READ_MS });
  const seconds = (performance.now() - start) / 1_000;
  const after = cpuOf(processes);
  const cpu = Object.fromEntries(
    Object.keys(processes).map((name) => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / seconds]),
  );
  const all = (machineCpu() - machineBefore) / seconds;
  const own = Object.values(cpu).reduce((sum, part) => sum + part, 0);
  return { times, cpu: { ...cpu, [ELSE]: Math.max(0, all - own) } };
}

interface Busy extends Phase {
  told: Told;
  /** Until every run had begun to write, and until every one had ended. */
  begunMs: number;
  endedMs: number;
}

async function busyRound(cluster: Cluster, world: World): Promise<Busy> {
  const { subscriber } = cluster;
  const untilAll = async (what: 'begun' | 'ended') => {
    while ((await subscriber.ask<Told>({ look: true }))[what] < RUNS) await delay(20);
    return performance.now() - start;
  };
  const talks = await world.open();
  await subscriber.ask({ watch: { url: cluster.url, subscriptions: talks } });
  const start = performance.now();
  await world.start(talks, PACE);
  const begunMs = await untilAll('begun');
  const phase = await readFor(cluster, world);
  const endedMs = await untilAll('ended');
  return { ...phase, begunMs, endedMs, told: await subscriber.ask<Told>({ take: true }) };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deltaSection(busy: Busy[]): Section {
  const rows = busy.map(({ told, begunMs, endedMs }, index) =>
    rowOf(`round ${index + 1}`, told.ages, told.deltas, begunMs, endedMs),
  );
  const all = busy.flatMap(({ told }) => told.ages);
  const sum = busy.reduce((total, { told }) => total + told.deltas, 0);
  const p95 = quantile(all, 0.95);
  const longest = (pick: (round: Busy) => number) => Math.max(...busy.map(pick));
  return {
    title: 'From the model to who watches',
    text:
      `Each token is the moment at which the model's server sent it: milliseconds until somebody who watches over a WebSocket had it. ` +
      `At most ${DELTA_P95_MS} at the 95th percentile. A text is written at most once in 60 ms, and once in 85 where a worker has 25 of them: half of that is waited for on average.`,
    header: ['', 'tokens', 'deltas', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'all had begun after ms', 'all had ended after ms'],
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
    failures: p95 > DELTA_P95_MS ? [`deltas take ${p95.toFixed(0)} ms at the 95th percentile`] : [],
  };
}

function rowOf(name: string, ages: number[], deltas: number, begunMs: number, endedMs: number) {
  const [p50, p95, p99, most] = [0.5, 0.95, 0.99, 1].map((share) => Math.round(quantile(ages, share)));
  return [name, ages.length, deltas, p50 ?? 0, p95 ?? 0, p99 ?? 0, most ?? 0, Math.round(begunMs), Math.round(endedMs)];
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
      const times = during / before;
      if (name === 'p50' && times > READ_TIMES) failures.push(`${query} reads take ${times.toFixed(2)} times as long`);
      return [`${query}, ${name}`, before, during, times];
    }),
  );
  return {
    title: 'Reads meanwhile',
    text:
      `One client of another tenant reads from the same server, one query after another with a pause of 10 ms: ${READ_MS / 1000} seconds while nothing runs, then as ` +
      `long while all ${RUNS} runs write, ${busy.length} times in turns. A flat query of 20 agents, and a nested one of 10 conversations with their agents and 5 messages ` +
      `each. At the median at most ${READ_TIMES} times as long as idle. The slowest had to wait for a processor: two cores have all of these processes, see below.`,
    header: ['milliseconds', 'idle', `${RUNS} runs`, 'times'],
    rows,
    failures,
  };
}

function cpuSection(idle: Phase[], busy: Phase[]): Section {
  const names = Object.keys(idle[0]?.cpu ?? {});
  return {
    title: 'What it costs',
    text:
      'Processor time of each process in percent of one core, in the same seconds, reads included. The model, the subscriber and the reader are the bench itself, and share ' +
      'the machine with what is measured.',
    header: ['percent of a core', 'idle', `${RUNS} runs`],
    rows: names.map((name) => [
      name,
      ...[idle, busy].map((phases) => Math.round(100 * mean(phases.map(({ cpu }) => cpu[name] ?? 0)))),
    ]),
  };
}

function head(): string {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `\`${name}=${value}\``);
  return `# Runs, measured

Written by \`npm run bench:runs\`, on 2 cores, in rounds in which they had nothing else to do. ${RUNS} conversations of ${TENANTS} tenants are answered at once, on two worker processes and
one server process over a private PostgreSQL with ${settings.join(', ')} and no fsync. A model's server in a process of its own sends each run ${PACE.tokens} tokens, one in
${PACE.everyMs} ms: ${(RUNS * 1000) / PACE.everyMs} a second. Each conversation is watched over a WebSocket of its own.`;
}

const cluster = await startCluster();
const failures: string[] = [];
try {
  const world = await makeWorld(cluster, TENANTS, RUNS);
  // Everything has been compiled and planned before anything is measured.
  await readFor(cluster, world);
  await busyRound(cluster, world);
  const [idle, busy]: [Phase[], Busy[]] = [[], []];
  for (let round = 0; busy.length < rounds; round++) {
    if (round === MOST_ROUNDS) throw new Error('the machine has too much else to do');
    await delay(1_000);
    const [before, during] = [await readFor(cluster, world), await busyRound(cluster, world)];
    const beside = Math.max(...[before, during].map(({ cpu }) => cpu[ELSE] ?? 0));
    if (beside > CALM) {
      console.log(`a round is taken again: the machine was busy with something else for ${Math.round(100 * beside)} % of a core`);
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
