import type { JobAttempt, PgBoss } from 'pg-boss';
import { JOBS_SCHEMA } from './schema.ts';

/**
 * How long a job may be silent before its worker is taken to be dead. People wait for the answers of runs, and pg-boss would look for
 * jobs that are silent for ten seconds, its least, once in five.
 */
const STALE_AFTER_SECONDS = 5;

/**
 * Has the jobs of a queue tried again whose workers died: one statement that finds nothing, most of the time. A job that another
 * worker has begun again in the meantime is left alone, for each attempt has its number.
 * @returns how many there were
 */
export async function retryStaleJobs(boss: PgBoss, queue: string): Promise<number> {
  // Its own index holds no more jobs than there are to do.
  const { rows } = await boss.getDb().executeSql(
    `SELECT id, retry_count AS "retryCount" FROM ${JOBS_SCHEMA}.job
     WHERE name = $1 AND state = 'active' AND heartbeat_on < ${JOBS_SCHEMA}.job_now() - $2::integer * interval '1 second'`,
    [queue, STALE_AFTER_SECONDS],
  );
  if (rows.length > 0) await boss.fail(queue, rows as JobAttempt[], { message: 'The worker died.' });
  return rows.length;
}
