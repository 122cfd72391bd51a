import { OPERATIONS, type OperationName } from '../cases/operations.ts';
import type { Results } from './results.ts';
import { HITS, limitProblems, ROUND_TRIP_LIMITS } from './round-trip-limits.ts';
import type { Column } from '../servers/start.ts';

export interface Target {
  /** What is to be reached, for one operation. */
  what: string;
  bound: string;
  measured: string;
  reached: boolean;
}

function atLeast(what: string, bound: number, measured: number): Target {
  return { what, bound: `≥ ${bound.toFixed(2)}`, measured: measured.toFixed(2), reached: measured >= bound };
}

function atMost(what: string, bound: number, measured: number): Target {
  return { what, bound: `≤ ${bound.toFixed(2)}`, measured: measured.toFixed(2), reached: measured <= bound };
}

const PEERS: [OperationName, Column, number][] = [
  ['flat', 'PostGraphile', 1.3],
  ['node', 'PostGraphile', 1.3],
  ['nested', 'PostGraphile', 1],
  ['detail', 'PostGraphile', 1],
  ['append', 'recipe', 1.5],
];

/** What Agentbase wants to be, and what it is. */
export function targetsOf({ ratios, price, growth, embedded, statements }: Results): Target[] {
  const names = OPERATIONS.map(({ name }) => name);
  const over = statements.agentbase ? limitProblems(statements.agentbase) : [];
  return [
    ...PEERS.map(([name, peer, bound]) =>
      atLeast(`${name}: requests a second of ${peer}`, bound, ratios[name][peer] ?? Number.NaN),
    ),
    ...names.map((name) => atLeast(`${name}: requests a second of the limit`, 0.5, ratios[name].limit ?? Number.NaN)),
    ...price.flatMap(({ operation, onConnection, overHttp }) => [
      atMost(`${operation}: role, context and row security, of the statement without, on a connection`, 1.15, onConnection),
      atMost(`${operation}: the same over HTTP, at 16 connections`, 1.15, overHttp),
    ]),
    ...names.map((name) => {
      const problems = over.filter((problem) => problem.startsWith(`${name} `) || problem.startsWith(`${name}:`));
      const { roundTrips, statements: most } = ROUND_TRIP_LIMITS[name];
      const figures = statements.agentbase?.[name];
      return {
        what: `${name}: round trips and statements, not more with more rows, ${100 * HITS} % prepared and planned before`,
        bound: `≤ ${roundTrips}, ${most}`,
        measured: `${figures?.roundTrips}, ${figures?.statements}`,
        reached: problems.length === 0,
      };
    }),
    ...names.map((name) => atMost(`${name}: p50 at a hundred times the messages`, 1.2, growth[name].ratio)),
    ...names.map((name) => atLeast(`${name}: embedded, of the same server on PostgreSQL`, 0.3, embedded[name].ratio)),
  ];
}
