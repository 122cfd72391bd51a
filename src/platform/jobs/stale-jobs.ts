import type { JobAttempt, PgBoss } from 'pg-boss';
import { JOBS_SCHEMA } from './schema.ts';

/**
 * The age of the last heartbeat after which a job counts as stale. Users wait for some jobs, and the minimum of pg-boss is slower: ten
 * seconds, checked every five.
 */
const STALE_AFTER_SECONDS = 5;

/**
 * Fails the stale jobs of a queue so that pg-boss retries them. Usually one statement that returns no rows. The attempt number protects a
 * job that another worker has started again in the meantime.
 * @returns the number of stale jobs
 */
export async function retryStaleJobs(boss: PgBoss, queue: string): Promise<number> {
  // The partial index of active jobs serves this query.
  const { rows } = await boss.getDb().executeSql(
    `SELECT id, retry_count AS "retryCount" FROM ${JOBS_SCHEMA}.job
     WHERE name = $1 AND state = 'active' AND heartbeat_on < ${JOBS_SCHEMA}.job_now() - $2::integer * interval '1 second'`,
    [queue, STALE_AFTER_SECONDS],
  );
  if (rows.length > 0) await boss.fail(queue, rows as JobAttempt[], { message: 'The worker stopped sending heartbeats.' });
  return rows.length;
}
