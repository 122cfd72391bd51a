import { createHash } from 'node:crypto';
import type pg from 'pg';
import { type Db, PgBoss, type Queue } from 'pg-boss';
import bossPackage from 'pg-boss/package.json' with { type: 'json' };

export const JOBS_SCHEMA = 'pgboss';

/**
 * The options of a queue. A missing heartbeat reveals a lost worker. A failed job is retried with increasing delays. After its last attempt
 * it moves to the dead-letter queue, if the queue has one.
 */
export type QueueOptions = Omit<Queue, 'name'>;

/** The queues to install, by name. */
export type Queues = Readonly<Record<string, QueueOptions>>;

const HOUR_SECONDS = 3_600;

const EVERY_QUEUE: QueueOptions = {
  policy: 'standard',
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 300,
  heartbeatSeconds: 10,
  deleteAfterSeconds: 24 * HOUR_SECONDS,
};

/** Identifies the installed queues and version, so that a start with the same ones skips the installation. */
function fingerprint(queues: Queues): string {
  const ordered = Object.entries(queues).sort(([a], [b]) => (a < b ? -1 : 1));
  const installed = JSON.stringify([ordered, EVERY_QUEUE, PgBoss.name, bossPackage.version]);
  return `agentbase ${createHash('sha256').update(installed).digest('hex').slice(0, 16)}`;
}

/** Adapts a query function to pg-boss. A text of several statements returns several results; pg-boss expects the rows of all. */
export function bossDatabase(run: (text: string, values?: unknown[]) => Promise<pg.QueryResult | pg.QueryResult[]>): Db {
  return {
    async executeSql(text: string, values?: unknown[]) {
      const result = await run(text, values);
      return { rows: Array.isArray(result) ? result.flatMap(({ rows }) => rows ?? []) : (result.rows ?? []) };
    },
  };
}

/** Installs or updates the tables and queues of pg-boss. Needs the owner of the schema. */
export async function installQueues(client: pg.ClientBase, queues: Queues): Promise<void> {
  const { rows } = await client.query(`SELECT obj_description(to_regnamespace('${JOBS_SCHEMA}'), 'pg_namespace') AS installed`);
  if (rows[0]?.installed === fingerprint(queues)) return;
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
    const installed = new Set((await boss.getQueues()).map(({ name }) => name));
    // Dead-letter queues first: others refer to them.
    const ordered = Object.entries(queues).sort(([, a], [, b]) => Number(Boolean(a.deadLetter)) - Number(Boolean(b.deadLetter)));
    for (const [name, options] of ordered) {
      const { policy, ...changeable } = EVERY_QUEUE;
      if (installed.has(name)) await boss.updateQueue(name, { ...changeable, ...options });
      else await boss.createQueue(name, { policy, ...changeable, ...options } as Queue);
    }
  } finally {
    await boss.stop({ graceful: false, close: false });
  }
  if (problems[0]) throw problems[0];
  await client.query(`COMMENT ON SCHEMA ${JOBS_SCHEMA} IS '${fingerprint(queues)}'`);
}
