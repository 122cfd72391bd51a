import type { OperationName } from '../cases/operations.ts';
import type { WireFigures } from '../measure/statements.ts';

/**
 * What one request of Agentbase may take at most: times it waits for PostgreSQL, and statements beside those that say who acts. A read of
 * one statement is one round trip; a nested one has at most 2 + depth statements.
 */
export const ROUND_TRIP_LIMITS: Record<OperationName, { roundTrips: number; statements: number }> = {
  flat: { roundTrips: 1, statements: 1 },
  nested: { roundTrips: 3, statements: 3 },
  detail: { roundTrips: 3, statements: 4 },
  node: { roundTrips: 1, statements: 1 },
  append: { roundTrips: 1, statements: 2 },
  dashboard: { roundTrips: 3, statements: 12 },
};

/** Part of the statements that must have been prepared, and that PostgreSQL must have had a plan for. */
export const HITS = 0.99;

/** @returns what is over its bound */
export function limitProblems(figures: Record<OperationName, WireFigures>): string[] {
  return Object.entries(ROUND_TRIP_LIMITS).flatMap(([name, bound]) => {
    const { roundTrips, statements, statementsFew, preparedHits, planHits } = figures[name as OperationName];
    return [
      ...(roundTrips > bound.roundTrips ? [`${name} takes ${roundTrips} round trips; at most ${bound.roundTrips}`] : []),
      ...(statements > bound.statements ? [`${name} takes ${statements} statements; at most ${bound.statements}`] : []),
      ...(statements > statementsFew
        ? [`${name} takes ${statements} statements, and ${statementsFew} where lists have two rows`]
        : []),
      ...(preparedHits >= HITS
        ? []
        : [`${name}: ${(100 * preparedHits).toFixed(1)} % of the statements were prepared; at least ${100 * HITS} %`]),
      ...(planHits >= HITS
        ? []
        : [`${name}: PostgreSQL had a plan for ${(100 * planHits).toFixed(1)} % of the statements; at least ${100 * HITS} %`]),
    ];
  });
}
