import { createHash } from 'node:crypto';
import type pg from 'pg';
import { type Db, PgBoss, type Queue } from 'pg-boss';

export const JOBS_SCHEMA = 'pgboss';
export const JOBS_ROLE = 'agentbase_jobs';

const HOUR_SECONDS = 3_600;

/**
 * Every queue there is. A worker that dies is noticed by its missing heartbeat; what fails is tried again, later each time, and
 * ends in the queue of the dead when it has failed too often.
 */
export const queues = {
  'document.process': { retryLimit: 8, expireInSeconds: HOUR_SECONDS, deadLetter: 'document.failed' },
  'document.failed': { retryLimit: 8 },
  'document.purge': { retryLimit: 20 },
  'evaluation.run': { retryLimit: 4, expireInSeconds: HOUR_SECONDS, deadLetter: 'evaluation.failed' },
  'evaluation.failed': { retryLimit: 8 },
  // A run that waits for its turn or for people has no job. One that works may take as long as its agent allows.
  'run.execute': { retryLimit: 10, retryDelayMax: 10, expireInSeconds: 24 * HOUR_SECONDS, deadLetter: 'run.failed' },
  'run.failed': { retryLimit: 20 },
} as const satisfies Record<string, Omit<Queue, 'name'>>;

export type QueueName = keyof typeof queues;

const EVERY_QUEUE: Omit<Queue, 'name'> = {
  policy: 'standard',
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 300,
  heartbeatSeconds: 10,
  deleteAfterSeconds: 24 * HOUR_SECONDS,
};

/** Says what was installed, so that a start which finds the same has nothing to do. */
function fingerprint(): string {
  const installed = JSON.stringify([queues, EVERY_QUEUE, PgBoss.name, BOSS_VERSION]);
  return `agentbase ${createHash('sha256').update(installed).digest('hex').slice(0, 16)}`;
}

/** Moves with the pinned package: its schema is brought up to date by the first migration after an update. */
const BOSS_VERSION = '12.38.0';

/** pg-boss over connections of ours. Several statements in one text give one result each; it wants the rows of all. */
export function bossDatabase(run: (text: string, values?: unknown[]) => Promise<pg.QueryResult | pg.QueryResult[]>): Db {
  return {
    async executeSql(text: string, values?: unknown[]) {
      const result = await run(text, values);
      return { rows: Array.isArray(result) ? result.flatMap(({ rows }) => rows ?? []) : (result.rows ?? []) };
    },
  };
}

/** Makes pg-boss's tables and our queues, where they are not as they should be. As the owner. */
export async function installJobs(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query(`SELECT obj_description(to_regnamespace('${JOBS_SCHEMA}'), 'pg_namespace') AS installed`);
  if (rows[0]?.installed === fingerprint()) return;
  const boss = new PgBoss({
    db: bossDatabase((text, values) => client.query(text, values)),
    schema: JOBS_SCHEMA,
    createSchema: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
  });
  const problems: Error[] = [];
  boss.on('error', (error) => problems.push(error));
  await boss.start();
  try {
    const known = new Set((await boss.getQueues()).map(({ name }) => name));
    // The dead ones first: others name them.
    for (const [name, options] of Object.entries(queues).toReversed()) {
      const { policy, ...changeable } = EVERY_QUEUE;
      if (known.has(name)) await boss.updateQueue(name, { ...changeable, ...options });
      else await boss.createQueue(name, { policy, ...changeable, ...options } as Queue);
    }
  } finally {
    await boss.stop({ graceful: false, close: false });
  }
  if (problems[0]) throw problems[0];
  await client.query(`COMMENT ON SCHEMA ${JOBS_SCHEMA} IS '${fingerprint()}'`);
}
