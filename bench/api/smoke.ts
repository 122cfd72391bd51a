import { checkResponses } from './cases/check.ts';
import type { OperationName } from './cases/operations.ts';
import { makeWorkload } from './cases/workload.ts';
import { startCluster } from './fixtures/cluster.ts';
import { countStatements } from './measure/statements.ts';
import { limitProblems, MIN_HIT_RATE, ROUND_TRIP_LIMITS } from './report/round-trip-limits.ts';
import { endpointOf, fill, startParticipants } from './servers/participants.ts';

const MESSAGES = 10_000;
const TENANTS = 8;

/**
 * The checks of the benchmark that do not depend on time: the servers return equal responses, and Agentbase stays within its limits
 * of statements and round trips. Does not need PostGraphile.
 * @returns the failures
 */
export async function smoke(): Promise<string[]> {
  const cluster = await startCluster({ fsync: 'off', shared_buffers: '256MB' });
  try {
    const filled = await fill(cluster, 'smoke', MESSAGES);
    const participants = await startParticipants(cluster, filled, [
      'agentbase',
      'agentbase, JWT',
      'stock Pothos',
      'hand-written SQL',
    ]);
    const workload = makeWorkload(filled.tenants, { count: 200 });
    const wrong = await checkResponses(filled.database.owner, participants.map(endpointOf), workload, TENANTS);
    console.log(
      `responses of ${participants.map(({ column }) => column).join('; ')} for ${TENANTS} tenants compared with plain SQL: ${wrong.length} wrong`,
    );
    for (const { server } of participants) await cluster.processes.end(server.pid);
    const { agentbase } = await countStatements(cluster, filled, ['agentbase']);
    if (!agentbase) throw new Error('the statements of agentbase were not counted');
    for (const [name, figures] of Object.entries(agentbase)) {
      const limit = ROUND_TRIP_LIMITS[name as OperationName];
      console.log(
        `${name}: ${figures.roundTrips} round trips (at most ${limit.roundTrips}), ${figures.statements} statements (at most ${limit.statements}), ` +
          `${figures.statementsFew} for lists of two rows, ${(100 * figures.preparedHits).toFixed(1)} % prepared and ${(100 * figures.planHits).toFixed(1)} % planned before (at least ${100 * MIN_HIT_RATE} %)`,
      );
    }
    return [...wrong, ...limitProblems(agentbase)];
  } finally {
    await cluster.stop();
  }
}
