import { setTimeout as delay } from 'node:timers/promises';
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import type { Logger } from '../lib/logger.ts';
import type { JobContext, JobData } from './job.ts';
import { retryStaleJobs } from './stale-jobs.ts';

export interface ConcurrentWorkerOptions {
  boss: PgBoss;
  queue: string;
  handle: (run: JobContext) => Promise<void>;
  /** The most concurrent jobs, apart from the spare slots. */
  size: number;
  log: Logger;
}

type Job = JobWithMetadata<JobData>;

/** Slots per spare slot. Spare slots serve tenants without a running job while other tenants occupy all slots, possibly for hours. */
const SLOTS_PER_SPARE = 4;
/** The interval of polling for jobs that no notification announced. */
const IDLE_POLL_MS = 1_000;
/** Notifications within this time cause one fetch. */
const MIN_PAUSE_MS = 50;
/** A fraction of the time after which a job counts as stale. */
const HEARTBEAT_MS = 1_000;
/** How long `stop` waits for aborted jobs. */
const CLOSE_TIMEOUT_MS = 4_000;

/**
 * Runs many long jobs of one queue concurrently. Unlike the same number of pg-boss workers, it fetches jobs for all free slots with one
 * statement and sends the heartbeat of all running jobs with one statement.
 */
export class ConcurrentWorker {
  readonly #options: ConcurrentWorkerOptions;
  readonly #running = new Map<string, { job: Job; abort: AbortController; ended: Promise<void> }>();
  readonly #stopping = new AbortController();
  #wake = Promise.withResolvers<void>();
  #fetching: Promise<void> | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #heartbeatRunning = false;

  constructor(options: ConcurrentWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#fetching = this.#fetch();
    this.#heartbeat = setInterval(() => void this.#sendHeartbeat(), HEARTBEAT_MS);
  }

  /** Fetches jobs immediately. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Aborts the running jobs and returns them to the queue, where another worker can take them immediately. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#fetching;
    for (const { abort } of this.#running.values()) abort.abort(new Error('the worker is stopping'));
    const timeout = new AbortController();
    const ended = Promise.all([...this.#running.values()].map((running) => running.ended));
    await Promise.race([ended, delay(CLOSE_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => {})]);
    timeout.abort();
    clearInterval(this.#heartbeat);
  }

  async #fetch(): Promise<void> {
    const { boss, queue, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      this.#wake = Promise.withResolvers();
      const { batchSize, ...rest } = this.#nextBatch();
      let found = 0;
      try {
        const jobs = batchSize > 0 ? await boss.fetch<JobData>(queue, { batchSize, includeMetadata: true, ...rest }) : [];
        found = jobs.length;
        for (const job of jobs) this.#start(job);
      } catch (error) {
        log.warn({ err: error, queue }, 'job fetch failed');
      }
      if (this.#stopping.signal.aborted || (found > 0 && found === batchSize)) continue;
      await delay(MIN_PAUSE_MS);
      await this.#waitForWake();
    }
  }

  /** One job per free slot. Without a free slot, one job of a tenant that has no running job here. */
  #nextBatch(): { batchSize: number; ignoreGroups?: string[] } {
    const { size } = this.#options;
    const free = size - this.#running.size;
    if (free > 0) return { batchSize: free };
    if (-free >= Math.ceil(size / SLOTS_PER_SPARE)) return { batchSize: 0 };
    return { batchSize: 1, ignoreGroups: [...new Set(Array.from(this.#running.values(), ({ job }) => job.data.tenantId))] };
  }

  async #waitForWake(): Promise<void> {
    const timeout = new AbortController();
    const poll = delay(IDLE_POLL_MS, undefined, { signal: timeout.signal }).catch(() => {});
    await Promise.race([this.#wake.promise, poll]);
    timeout.abort();
  }

  #start(job: Job): void {
    const abort = new AbortController();
    const ended = this.#run(job, abort.signal)
      .catch((error: unknown) =>
        this.#options.log.error({ err: error, queue: this.#options.queue }, 'job completion was not recorded'),
      )
      .finally(() => {
        this.#running.delete(job.id);
        this.wake();
      });
    this.#running.set(job.id, { job, abort, ended });
  }

  async #run(job: Job, signal: AbortSignal): Promise<void> {
    const { boss, queue, handle, log } = this.#options;
    try {
      await handle({ data: job.data, signal, lastAttempt: job.retryCount >= job.retryLimit });
    } catch (error) {
      // Inserted again instead of failed: the interruption must not count as an attempt or delay the job.
      if (signal.aborted) {
        await boss.insert(queue, [{ data: job.data, priority: job.priority, group: { id: job.data.tenantId } }]);
        await boss.complete(queue, job);
        return;
      }
      log.error({ err: error, queue, tenantId: job.data.tenantId, id: job.data.id, attempt: job.retryCount }, 'job failed');
      await boss.fail(queue, job, { message: 'See the log of the worker.' });
      return;
    }
    await boss.complete(queue, job);
  }

  /** Sends the heartbeat before it looks for stale jobs: after a pause of this process its own jobs may look stale. */
  async #sendHeartbeat(): Promise<void> {
    const { boss, queue, log } = this.#options;
    if (this.#heartbeatRunning) return;
    this.#heartbeatRunning = true;
    try {
      const jobs = [...this.#running.values()].map(({ job }) => job);
      if (jobs.length > 0) await boss.touch(queue, jobs);
      const stale = await retryStaleJobs(boss, queue);
      if (stale > 0) log.warn({ queue, jobs: stale }, 'stale jobs of a lost worker returned to the queue');
    } catch (error) {
      log.warn({ err: error, queue }, 'heartbeat or stale-job check failed');
    } finally {
      this.#heartbeatRunning = false;
    }
  }
}
