import pg from 'pg';
import { type JobWithMetadata, PgBoss } from 'pg-boss';
import type { Logger } from '../lib/logger.ts';
import { afterCommit, currentScope } from '../postgres/request-scope.ts';
import { APPLICATION_ROLE, JOBS_ROLE } from '../postgres/session-settings.ts';
import { ConcurrentWorker } from './concurrent-worker.ts';
import type { EnqueueOptions, JobData, JobHandlers, Jobs, QueueName } from './job.ts';
import { bossDatabase, JOBS_SCHEMA } from './schema.ts';

export interface JobsOptions {
  /** A separate pool, or the single connection of the embedded database. */
  pool: pg.Pool;
  /** Whether the pool is the single connection of the embedded database. */
  embedded: boolean;
  /** Whether this process runs jobs and returns stale ones to the queue. */
  works: boolean;
  log: Logger;
}

const IDLE_POLL_SECONDS = 1;
/** The interval of the stale-job check of pg-boss. */
const SUPERVISE_SECONDS = 5;

class BossJobs implements Jobs {
  readonly #boss: PgBoss;
  readonly #workers = new Map<QueueName, string[]>();
  readonly #concurrentWorkers = new Map<QueueName, ConcurrentWorker>();
  readonly #log: Logger;

  constructor({ pool, embedded, works, log }: JobsOptions) {
    this.#log = log;
    this.#boss = new PgBoss({
      db: bossDatabase((text, values) => pool.query(text, values)),
      schema: JOBS_SCHEMA,
      backend: embedded ? 'pglite' : 'postgres',
      migrate: false,
      createSchema: false,
      schedule: false,
      supervise: works,
      superviseIntervalSeconds: SUPERVISE_SECONDS,
      monitorIntervalSeconds: SUPERVISE_SECONDS,
      // These need the owner of the tables.
      reindex: false,
      monitorVacuum: false,
      registerInstance: false,
    });
    this.#boss.on('error', (error) => log.error({ err: error }, 'job queue error'));
  }

  /** Loads the queues now: later, a query outside an open transaction of the embedded database would deadlock. */
  async start(): Promise<void> {
    await this.#boss.start();
  }

  async enqueue(queue: QueueName, jobs: JobData[], { delaySeconds = 0, priority = 0 }: EnqueueOptions = {}): Promise<void> {
    const { transaction } = currentScope();
    if (!transaction) throw new Error('enqueue needs an open transaction');
    const db = bossDatabase(async (text, values) => {
      // Issued in one turn of the event loop, so that no other statement of the transaction runs between them, as the wrong role.
      const [, result] = await Promise.all([
        transaction.query(`SELECT set_config('role', '${JOBS_ROLE}', true)`),
        transaction.query({ text, values: values ?? [] }),
        transaction.query(`SELECT set_config('role', '${APPLICATION_ROLE}', true)`),
      ]);
      return result;
    });
    if (jobs.length === 0) return;
    const startAfter = delaySeconds > 0 ? { startAfter: delaySeconds } : {};
    await this.#boss.insert(
      queue,
      jobs.map((data) => ({ data, priority, group: { id: data.tenantId }, ...startAfter })),
      { db },
    );
    afterCommit(() => {
      for (const worker of this.#workers.get(queue) ?? []) this.#boss.notifyWorker(worker);
      this.wake(queue);
    });
  }

  async work(handlers: JobHandlers, concurrency: number): Promise<void> {
    for (const [queue, handle] of Object.entries(handlers) as [QueueName, NonNullable<JobHandlers[QueueName]>][]) {
      const workers: string[] = [];
      this.#workers.set(queue, workers);
      for (let index = 0; index < concurrency; index++) workers.push(await this.#startWorker(queue, handle));
    }
  }

  /** Starts a worker that runs jobs sequentially and polls again immediately after each job. */
  async #startWorker(queue: QueueName, handle: NonNullable<JobHandlers[QueueName]>): Promise<string> {
    const id: string = await this.#boss.work(
      queue,
      { includeMetadata: true as const, pollingIntervalSeconds: IDLE_POLL_SECONDS },
      async ([job]: JobWithMetadata<JobData>[]): Promise<void> => {
        if (!job) return;
        try {
          await handle({ data: job.data, signal: job.signal, lastAttempt: job.retryCount >= job.retryLimit });
        } finally {
          this.#boss.notifyWorker(id);
        }
      },
    );
    return id;
  }

  startConcurrentWorker(handlers: JobHandlers, size: number): void {
    for (const [queue, handle] of Object.entries(handlers) as [QueueName, NonNullable<JobHandlers[QueueName]>][]) {
      const worker = new ConcurrentWorker({ boss: this.#boss, queue, handle, size, log: this.#log });
      this.#concurrentWorkers.set(queue, worker);
      worker.start();
    }
  }

  wake(queue: QueueName): void {
    this.#concurrentWorkers.get(queue)?.wake();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#concurrentWorkers.values()].map((worker) => worker.stop()));
    await this.#boss.stop({ graceful: false, close: false });
  }
}

/** Starts the job queue. It accepts jobs; call `work` to also run them. */
export async function startJobs(options: JobsOptions): Promise<Jobs> {
  const jobs = new BossJobs(options);
  await jobs.start();
  return jobs;
}

/** Opens the pool of pg-boss on PostgreSQL. It sets the role per session, so a pooler in transaction mode cannot sit in between. */
export function openJobsPool(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString, max, options: `-c role=${JOBS_ROLE}`, connectionTimeoutMillis: 5_000 });
  // A lost connection fails the statement that runs on it. An error event without a listener would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
