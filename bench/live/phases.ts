import { setTimeout as delay } from 'node:timers/promises';
import { cpuOf } from '../lib/cpu.ts';
import { memoryOf } from '../lib/processes.ts';
import type { Cluster } from './cluster.ts';
import { commitsOf, eventKey, headsOf, type Room, type TenantOfRooms } from './rooms.ts';
import { type Plan, type ServerName, type Watched, watch } from './watch.ts';
import type { Target, Write, Written } from './writer.ts';

const BYTES_PER_MIB = 2 ** 20;

export interface FanOut {
  /** Deliveries per second. */
  rate: number;
  /** Microseconds of processor time of the server per delivery. */
  cpu: number;
  /** The same for the subscriber process. */
  readerCpu: number;
  /** Bytes of memory that the server grows by per subscription, after the first event. */
  memory: number;
}

export interface BurstPlan {
  /** Events per room. */
  events: number;
  times: number;
}

/** Subscribes to one server and measures bursts of events. A burst starts when all subscribers have the previous one. */
export async function fanOut(cluster: Cluster, plan: Plan, name: ServerName, { events, times }: BurstPlan): Promise<FanOut> {
  const pid = name === 'stock' ? cluster.stock.process.pid : cluster.agentbase.pid;
  const idle = memoryOf(pid);
  const watched = await watch(cluster, plan, name);
  await watched.burst(1);
  const memory = ((memoryOf(pid) - idle) * BYTES_PER_MIB) / (plan.rooms.length * plan.readers);
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

/** The rooms with the first API key of their tenant. */
export function targetsOf(tenants: readonly TenantOfRooms[]): Target[] {
  return tenants.flatMap(({ credentials, rooms }) => rooms.map(({ id }) => ({ credential: credentials[1] as string, id })));
}

function write({ writer, agentbase }: Cluster, load: Omit<Write, 'url'>): Promise<Written> {
  return writer.request<Written>({ url: agentbase.url, ...load } satisfies Write);
}

export interface Latency {
  /** Milliseconds from the commit to the client, of every delivery. */
  ages: number[];
  cpu: number;
}

/** Appends through the API at a steady rate and measures the delivery to all subscribers. */
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
  if (!arrivals) throw new Error('the subscriber did not record the arrivals');
  const ages = Array.from(arrivals.at, (at, index) => {
    const commit = commits.get(eventKey(arrivals.conversation[index] ?? -1, arrivals.sequence[index] ?? -1));
    if (commit === undefined) throw new Error('an event was delivered but not committed');
    return at - commit;
  });
  return { ages, cpu };
}

export interface CommitPlan {
  /** Rooms without subscribers, whose commits are counted. */
  busy: TenantOfRooms[];
  atOnce: number;
  /** Messages per second in the rooms of the plan, with or without subscribers. */
  perSecond: number;
  forMs: number;
}

/** The processes that share the cores while commits are counted. */
export const PROCESSES = ['server', 'PostgreSQL', 'subscribers', 'writer'] as const;

export interface Commits {
  /** Commits per second. */
  rate: number;
  /** Cores in use by each process, in the order of `PROCESSES`. */
  cpu: number[];
}

/** Appends to the busy rooms as fast as the server responds, while the rooms of the plan receive messages at a steady rate. */
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
  // Connections that were just opened or closed must not affect the measurement.
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
    cpu = PROCESSES.map((name) => ((after[name] ?? Number.NaN) - (before[name] ?? Number.NaN)) / seconds);
  };
  if (watched) await watched.deliveries(((perSecond * forMs) / 1_000) * plan.readers, false, run);
  else await run();
  await watched?.close();
  if (!written) throw new Error('the writer returned no counts');
  if (on) await requireEvents(cluster, plan.rooms, heads, written.paced);
  return { rate: (written.closed * 1_000) / written.closedMs, cpu };
}

async function requireEvents({ owner }: Cluster, rooms: Room[], heads: number[], paced: number): Promise<void> {
  const now = await headsOf(owner, rooms);
  const events = now.reduce((sum, head, index) => sum + head - (heads[index] ?? 0), 0);
  if (events !== paced)
    throw new Error(`${paced} messages were appended to the rooms with subscribers, but ${events} events were written`);
}
