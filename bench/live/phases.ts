import { setTimeout as delay } from 'node:timers/promises';
import { cpuOf } from '../lib/cpu.ts';
import type { Cluster } from './cluster.ts';
import { memoryOf } from './memory.ts';
import { type Plan, type ServerName, type Watched, watch } from './watch.ts';
import { commitsOf, eventKey, headsOf, type Room, type TenantOfRooms } from './world.ts';
import type { Target, Write, Written } from './writer.ts';

export interface FanOut {
  /** Deliveries a second. */
  rate: number;
  /** Microseconds of processor time of the server, for each delivery. */
  cpu: number;
  /** The same of the process that reads them. */
  readerCpu: number;
  /** Bytes of memory that each open subscription adds to the server, once it has been used. */
  memory: number;
}

export interface BurstPlan {
  /** Events told in every room at once. */
  events: number;
  times: number;
}

/** Lets everybody watch one server, and has it tell bursts of events, each when everybody has the one before. */
export async function fanOut(cluster: Cluster, plan: Plan, name: ServerName, { events, times }: BurstPlan): Promise<FanOut> {
  const pid = name === 'stock' ? cluster.stock.process.pid : cluster.agentbase.pid;
  const idle = memoryOf(pid);
  const watched = await watch(cluster, plan, name);
  await watched.burst(1);
  const memory = (memoryOf(pid) - idle) / (plan.rooms.length * plan.readers);
  await watched.burst(events);
  const processes = { server: pid, reader: cluster.subscriber.pid };
  const before = cpuOf(processes);
  let ms = 0;
  for (let time = 0; time < times; time++) ms += (await watched.burst(events)).ms;
  const after = cpuOf(processes);
  const deliveries = times * events * plan.rooms.length * plan.readers;
  const [cpu = 0, readerCpu = 0] = (['server', 'reader'] as const).map(
    (name) => (((after[name] ?? 0) - (before[name] ?? 0)) * 1e6) / deliveries,
  );
  await watched.close();
  return { rate: (deliveries * 1_000) / ms, cpu, readerCpu, memory };
}

function cpuSeconds({ pid }: Watched): number {
  return cpuOf({ server: pid }).server ?? 0;
}

/** Rooms to append to, as their tenant's first API key. */
export function targetsOf(tenants: readonly TenantOfRooms[]): Target[] {
  return tenants.flatMap(({ credentials, rooms }) => rooms.map(({ id }) => ({ credential: credentials[1] as string, id })));
}

function write({ writer, agentbase }: Cluster, what: Omit<Write, 'url'>): Promise<Written> {
  return writer.ask<Written>({ url: agentbase.url, ...what } satisfies Write);
}

export interface Latency {
  /** Milliseconds from the commit to the client, of every delivery. */
  ages: number[];
  cpu: number;
}

/** Appends through the graph at a steady pace while everybody watches. */
export async function latency(cluster: Cluster, plan: Plan, perSecond: number, forMs: number): Promise<Latency> {
  const { owner } = cluster;
  const heads = await headsOf(owner, plan.rooms);
  const watched = await watch(cluster, plan, 'agentbase');
  const before = cpuSeconds(watched);
  const events = (perSecond * forMs) / 1_000;
  const targets = targetsOf(plan.tenants);
  const { arrivals } = await watched.deliveries(events * plan.readers, true, async () => {
    const { paced } = await write(cluster, { forMs, paced: { targets, perSecond } });
    if (paced !== events) throw new Error(`${paced} of ${events} messages were appended`);
  });
  const cpu = ((cpuSeconds(watched) - before) * 1e6) / (events * plan.readers);
  await watched.close();
  const commits = await commitsOf(owner, plan.rooms, heads);
  if (!arrivals) throw new Error('nobody recorded what came');
  const ages = Array.from(arrivals.at, (at, index) => {
    const commit = commits.get(eventKey(arrivals.conversation[index] ?? -1, arrivals.sequence[index] ?? -1));
    if (commit === undefined) throw new Error('an event came that was not committed');
    return at - commit;
  });
  return { ages, cpu };
}

export interface CommitPlan {
  /** Rooms that nobody watches. */
  busy: TenantOfRooms[];
  atOnce: number;
  /** Messages a second in the rooms that are watched, or would be. */
  perSecond: number;
  forMs: number;
}

/** Who shares the cores with whom while commits are counted. */
export const WORKERS = ['server', 'PostgreSQL', 'subscribers', 'writer'] as const;

export interface Commits {
  /** Commits a second. */
  rate: number;
  /** Seconds of processor time in each second, in the order of `WORKERS`. */
  cpu: number[];
}

/** Appends as fast as the server answers, while the rooms of the plan get messages at a steady pace. */
export async function commits(cluster: Cluster, plan: Plan, on: boolean, options: CommitPlan): Promise<Commits> {
  const { busy, atOnce, perSecond, forMs } = options;
  const heads = on ? await headsOf(cluster.owner, plan.rooms) : [];
  const watched = on ? await watch(cluster, plan, 'agentbase') : undefined;
  const work = () =>
    write(cluster, {
      forMs,
      paced: { targets: targetsOf(plan.tenants), perSecond },
      closed: { targets: targetsOf(busy), atOnce },
    });
  // What has been opened or closed just now is not what is measured.
  await delay(500);
  let written: Written | undefined;
  let cpu: number[] = [];
  const { agentbase, postgresPid, subscriber, writer } = cluster;
  const processes = { server: agentbase.pid, PostgreSQL: postgresPid, subscribers: subscriber.pid, writer: writer.pid };
  const run = async () => {
    const before = cpuOf(processes);
    const began = performance.now();
    written = await work();
    const after = cpuOf(processes);
    const seconds = (performance.now() - began) / 1_000;
    cpu = WORKERS.map((name) => ((after[name] ?? Number.NaN) - (before[name] ?? Number.NaN)) / seconds);
  };
  if (watched) await watched.deliveries(((perSecond * forMs) / 1_000) * plan.readers, false, run);
  else await run();
  await watched?.close();
  if (!written) throw new Error('nothing was written');
  if (on) await requireTold(cluster, plan.rooms, heads, written.paced);
  return { rate: (written.closed * 1_000) / written.closedMs, cpu };
}

async function requireTold({ owner }: Cluster, rooms: Room[], heads: number[], paced: number): Promise<void> {
  const now = await headsOf(owner, rooms);
  const told = now.reduce((sum, head, index) => sum + head - (heads[index] ?? 0), 0);
  if (told !== paced) throw new Error(`${paced} messages were appended to the rooms that are watched, and ${told} have events`);
}
