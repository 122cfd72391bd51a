import { checkAnswers } from './cases/check.ts';
import { startCluster } from './fixtures/cluster.ts';
import type { OperationName } from './cases/operations.ts';
import { HITS, limitProblems, ROUND_TRIP_LIMITS } from './report/round-trip-limits.ts';
import { answererOf, enter, fill } from './servers/participants.ts';
import { countStatements } from './measure/statements.ts';
import { makeWorkload } from './cases/workload.ts';

const MESSAGES = 10_000;
const TENANTS = 8;

/**
 * Everything of the bench that is no matter of time: whether the servers answer alike, and what Agentbase sends to PostgreSQL for
 * it. Needs no PostGraphile. @returns what is wrong
 */
export async function smoke(): Promise<string[]> {
  const cluster = await startCluster({ fsync: 'off', shared_buffers: '256MB' });
  try {
    const filled = await fill(cluster, 'smoke', MESSAGES);
    const entrants = await enter(cluster, filled, ['agentbase', 'agentbase, JWT', 'recipe', 'limit']);
    const questions = makeWorkload(filled.world, { count: 200 });
    const wrong = await checkAnswers(filled.database.owner, entrants.map(answererOf), questions, TENANTS);
    console.log(
      `answers of ${entrants.map(({ column }) => column).join('; ')} about ${TENANTS} tenants compared with plain SQL: ${wrong.length} wrong`,
    );
    for (const { server } of entrants) await cluster.processes.end(server.pid);
    const { agentbase } = await countStatements(cluster, filled, ['agentbase']);
    if (!agentbase) throw new Error('nothing was counted');
    for (const [name, figures] of Object.entries(agentbase)) {
      const bound = ROUND_TRIP_LIMITS[name as OperationName];
      console.log(
        `${name}: ${figures.roundTrips} round trips (at most ${bound.roundTrips}), ${figures.statements} statements (at most ${bound.statements}), ` +
          `${figures.statementsFew} with two rows a list, ${(100 * figures.preparedHits).toFixed(1)} % prepared and ${(100 * figures.planHits).toFixed(1)} % planned before (at least ${100 * HITS} %)`,
      );
    }
    return [...wrong, ...limitProblems(agentbase)];
  } finally {
    await cluster.stop();
  }
}
