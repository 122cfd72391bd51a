import { OPERATIONS, type OperationName } from '../cases/operations.ts';
import type { Column } from '../servers/start.ts';
import type { Results } from './results.ts';
import { limitProblems, MIN_HIT_RATE, ROUND_TRIP_LIMITS } from './round-trip-limits.ts';

export interface Target {
  /** The operation and the quantity. */
  name: string;
  bound: string;
  measured: string;
  reached: boolean;
}

function atLeast(name: string, bound: number, measured: number): Target {
  return { name, bound: `≥ ${bound.toFixed(2)}`, measured: measured.toFixed(2), reached: measured >= bound };
}

function atMost(name: string, bound: number, measured: number): Target {
  return { name, bound: `≤ ${bound.toFixed(2)}`, measured: measured.toFixed(2), reached: measured <= bound };
}

const PEERS: [OperationName, Column, number][] = [
  ['flat', 'PostGraphile', 1.3],
  ['node', 'PostGraphile', 1.3],
  ['nested', 'PostGraphile', 1],
  ['detail', 'PostGraphile', 1],
  ['append', 'stock Pothos', 1.5],
];

/** The targets of Agentbase and what a run measured. */
export function targetsOf({ ratios, rlsOverhead, scaling, embedded, statements }: Results): Target[] {
  const names = OPERATIONS.map(({ name }) => name);
  const exceeded = statements.agentbase ? limitProblems(statements.agentbase) : [];
  return [
    ...PEERS.map(([name, peer, bound]) =>
      atLeast(`${name}: throughput relative to ${peer}`, bound, ratios[name][peer] ?? Number.NaN),
    ),
    ...names.map((name) =>
      atLeast(`${name}: throughput relative to hand-written SQL`, 0.5, ratios[name]['hand-written SQL'] ?? Number.NaN),
    ),
    ...rlsOverhead.flatMap(({ operation, onConnection, overHttp }) => [
      atMost(`${operation}: statement time with row-level security and context, relative to without`, 1.15, onConnection),
      atMost(`${operation}: the same over HTTP at 16 connections`, 1.15, overHttp),
    ]),
    ...names.map((name) => {
      const problems = exceeded.filter((problem) => problem.startsWith(`${name} `) || problem.startsWith(`${name}:`));
      const { roundTrips, statements: maximum } = ROUND_TRIP_LIMITS[name];
      const figures = statements.agentbase?.[name];
      return {
        name: `${name}: round trips, statements; independent of the number of rows; ${100 * MIN_HIT_RATE} % prepared and planned`,
        bound: `≤ ${roundTrips}, ${maximum}`,
        measured: `${figures?.roundTrips}, ${figures?.statements}`,
        reached: problems.length === 0,
      };
    }),
    ...names.map((name) => atMost(`${name}: p50 with a hundred times the messages, relative`, 1.2, scaling[name].ratio)),
    ...names.map((name) => atLeast(`${name}: throughput of the embedded mode relative to PostgreSQL`, 0.3, embedded[name].ratio)),
  ];
}
