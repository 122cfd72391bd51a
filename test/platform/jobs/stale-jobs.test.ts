import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobContext, Jobs } from '../../../src/platform/jobs/job.ts';
import { startJobs } from '../../../src/platform/jobs/jobs.ts';
import { JOBS_SCHEMA } from '../../../src/platform/jobs/schema.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import { type TestDatabase, throwawayDatabase } from '../../testkit/database.ts';
import { until } from '../../testkit/knowledge.ts';
import { jobsPool } from '../../testkit/services.ts';

const tenantId = newId();

let db: TestDatabase;
let jobs: Jobs;
let pool: ReturnType<typeof jobsPool>;

beforeEach(async () => {
  db = await throwawayDatabase();
  pool = jobsPool(db);
  jobs = await startJobs({ pool, embedded: db.embedded, works: false, log: createLogger('silent') });
});
afterEach(async () => {
  await jobs.close();
  if (!db.embedded) await pool.end();
  await db.close();
});

/** An active job with an old heartbeat. */
async function taken({ silentForSeconds, retries = 0 }: { silentForSeconds: number; retries?: number }): Promise<string> {
  const id = newId();
  await db.database.transactionAs({ tenantId }, () => jobs.enqueue('run.execute', [{ tenantId, id }]));
  await db.ownerQuery(
    `UPDATE ${JOBS_SCHEMA}.job SET state = 'active', started_on = now(), retry_count = $2, heartbeat_on = now() - $3::integer * interval '1 second'
     WHERE data ->> 'id' = $1`,
    [id, retries, silentForSeconds],
  );
  return id;
}

async function stateOf(id: string): Promise<{ name: string; state: string; retries: number }[]> {
  return db.ownerQuery(
    `SELECT name, state::text, retry_count AS retries FROM ${JOBS_SCHEMA}.job WHERE data ->> 'id' = $1 ORDER BY name`,
    [id],
  );
}

test('retries the job of a lost worker and not the job of a running one', async () => {
  const dead = await taken({ silentForSeconds: 6 });
  // Longer than the test takes.
  const living = await taken({ silentForSeconds: -60 });
  const begun: JobContext[] = [];
  jobs.startConcurrentWorker({ 'run.execute': async (run) => void begun.push(run) }, 4);
  await until(
    () => stateOf(dead),
    ([job]) => job?.state === 'completed',
  );
  expect(begun.map(({ data }) => data.id)).toEqual([dead]);
  expect(await stateOf(dead)).toEqual([{ name: 'run.execute', state: 'completed', retries: 1 }]);
  expect(await stateOf(living)).toEqual([{ name: 'run.execute', state: 'active', retries: 0 }]);
});

test('a long job with heartbeats is not stale', async () => {
  const id = newId();
  const release = Promise.withResolvers<void>();
  let begun = 0;
  const work = () => {
    begun++;
    return release.promise;
  };
  jobs.startConcurrentWorker({ 'run.execute': work }, 4);
  await db.database.transactionAs({ tenantId }, () => jobs.enqueue('run.execute', [{ tenantId, id }]));
  await until(async () => begun, Boolean);
  const lastHeard = async () =>
    (await db.ownerQuery<{ at: Date }>(`SELECT heartbeat_on AS at FROM ${JOBS_SCHEMA}.job`))[0]?.at.getTime() ?? 0;
  const first = await lastHeard();
  await until(lastHeard, (at) => at > first);
  release.resolve();
  await until(
    () => stateOf(id),
    ([job]) => job?.state === 'completed',
  );
  expect([begun, await stateOf(id)]).toEqual([1, [{ name: 'run.execute', state: 'completed', retries: 0 }]]);
});

test('a job whose workers keep dying fails after its last attempt', async () => {
  const id = await taken({ silentForSeconds: 6, retries: 10 });
  jobs.startConcurrentWorker({ 'run.execute': () => Promise.reject(new Error('never begun')) }, 4);
  await until(
    () => stateOf(id),
    (found) => found.some(({ name }) => name === 'run.failed'),
  );
  expect(await stateOf(id)).toMatchObject([
    { name: 'run.execute', state: 'failed', retries: 10 },
    { name: 'run.failed', state: 'created' },
  ]);
});
