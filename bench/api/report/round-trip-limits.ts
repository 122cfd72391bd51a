import type { OperationName } from '../cases/operations.ts';
import type { WireFigures } from '../measure/statements.ts';

/**
 * Limits for one request of Agentbase: round trips to PostgreSQL, and statements without those of the session context and the
 * transaction. A read of one statement takes one round trip; a nested read takes at most 2 + depth statements.
 */
export const ROUND_TRIP_LIMITS: Record<OperationName, { roundTrips: number; statements: number }> = {
  flat: { roundTrips: 1, statements: 1 },
  nested: { roundTrips: 3, statements: 3 },
  detail: { roundTrips: 3, statements: 4 },
  node: { roundTrips: 1, statements: 1 },
  append: { roundTrips: 1, statements: 2 },
  dashboard: { roundTrips: 3, statements: 12 },
};

/** Minimum share of statements that reuse a prepared statement, and of those that reuse a query plan. */
export const MIN_HIT_RATE = 0.99;

/** @returns one message for each exceeded limit; each starts with the name of the operation */
export function limitProblems(figures: Record<OperationName, WireFigures>): string[] {
  return Object.entries(ROUND_TRIP_LIMITS).flatMap(([name, limit]) => {
    const { roundTrips, statements, statementsFew, preparedHits, planHits } = figures[name as OperationName];
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    return [
      ...(roundTrips > limit.roundTrips ? [`${name} takes ${roundTrips} round trips, at most ${limit.roundTrips} allowed`] : []),
      ...(statements > limit.statements ? [`${name} takes ${statements} statements, at most ${limit.statements} allowed`] : []),
      ...(statements > statementsFew
        ? [`${name} takes ${statements} statements for full lists, but ${statementsFew} for lists of two rows`]
        : []),
      ...(preparedHits >= MIN_HIT_RATE
        ? []
        : [
            `${name}: ${percent(preparedHits)} of the statements were prepared before, at least ${100 * MIN_HIT_RATE} % required`,
          ]),
      ...(planHits >= MIN_HIT_RATE
        ? []
        : [`${name}: ${percent(planHits)} of the statements reused a query plan, at least ${100 * MIN_HIT_RATE} % required`]),
    ];
  });
}
