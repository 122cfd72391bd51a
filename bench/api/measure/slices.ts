import { cpuOf } from '../../lib/cpu.ts';
import { type Helper, memoryOf } from '../../lib/processes.ts';
import type { OperationName } from '../cases/operations.ts';
import type { Server } from '../servers/start.ts';
import type { Load, Request } from './load.ts';

/** A server with requests of one operation. Each slice of time measures one contender. */
export interface Contender {
  name: string;
  server: Server;
  operation: OperationName;
  requests: Request[];
}

/** Figures of one slice. */
export interface Slice extends Load {
  /** Requests per second. */
  rps: number;
  /** Milliseconds of processor time per request. */
  serverCpu: number;
  postgresCpu: number;
  /** MiB. */
  memory: number;
}

export interface Timing {
  rounds: number;
  sliceMs: number;
  connections: number;
}

export interface Meter {
  load: Helper;
  /** Process id of the postmaster, the parent of the backends. */
  postmaster: number;
  /** Requests so far, including warm-up. */
  answered: number;
}

const MS = 1_000;

export async function takeSlice(meter: Meter, contender: Contender, connections: number, forMs: number): Promise<Slice> {
  const { load, postmaster } = meter;
  const { name, server, operation, requests } = contender;
  const plan = `${name} ${operation}`;
  await load.request({ plan, url: server.url, requests });
  const processes = { server: server.pid, postgres: postmaster };
  const before = cpuOf(processes);
  const result = await load.request<Load>({ run: plan, connections, forMs });
  const after = cpuOf(processes);
  meter.answered += result.answered;
  const perRequest = (part: 'server' | 'postgres') => (((after[part] ?? 0) - (before[part] ?? 0)) * MS) / result.answered;
  return {
    ...result,
    rps: result.answered / result.seconds,
    serverCpu: perRequest('server'),
    postgresCpu: perRequest('postgres'),
    memory: memoryOf(server.pid),
  };
}

/**
 * Measures one slice of each contender per round. The order rotates, so that other load on the machine affects all contenders. The
 * first round is a warm-up and does not count.
 * @returns the slices of each contender, in the order of the contenders
 */
export async function interleave(
  meter: Meter,
  contenders: Contender[],
  { rounds, sliceMs, connections }: Timing,
): Promise<Slice[][]> {
  const slices: Slice[][] = contenders.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const place = (turn + Math.max(0, round)) % contenders.length;
      const slice = await takeSlice(
        meter,
        contenders[place] as Contender,
        connections,
        round < 0 ? Math.min(sliceMs, MS) : sliceMs,
      );
      if (slice.wrong > 0)
        throw new Error(
          `${contenders[place]?.name}, ${contenders[place]?.operation}: ${slice.wrong} of ${slice.answered} responses are wrong: ${slice.example}`,
        );
      if (round >= 0) slices[place]?.push(slice);
    }
  }
  return slices;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2;
}

export type Figure = 'rps' | 'p50' | 'p99' | 'serverCpu' | 'postgresCpu' | 'memory';
export type Figures = Record<Figure, number>;

/** The median of each figure over the rounds. */
export function figuresOf(slices: Slice[]): Figures {
  const of = (name: Figure) => median(slices.map((slice) => slice[name]));
  return {
    rps: of('rps'),
    p50: of('p50'),
    p99: of('p99'),
    serverCpu: of('serverCpu'),
    postgresCpu: of('postgresCpu'),
    memory: of('memory'),
  };
}

/** The median over the rounds of the ratio of two contenders in a round. */
export function ratioOf(one: Slice[], other: Slice[], figure: Figure): number {
  return median(one.map((slice, round) => slice[figure] / (other[round]?.[figure] ?? Number.NaN)));
}
