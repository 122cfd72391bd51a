import { setTimeout as delay } from 'node:timers/promises';
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import type { Logger } from '../lib/logger.ts';
import type { JobContext, JobData } from './job.ts';
import { retryStaleJobs } from './stale-jobs.ts';

export interface ConcurrentWorkerOptions {
  boss: PgBoss;
  queue: string;
  handle: (run: JobContext) => Promise<void>;
  /** Most jobs at a time, but for the spare hands. */
  size: number;
  log: Logger;
}

type Job = JobWithMetadata<JobData>;

/** One spare hand for so many. They are for tenants that have no job here while the others hold all hands, for hours perhaps. */
const SLOTS_PER_SPARE = 4;
/** How long a job may go unnoticed that nobody woke the crew for. */
const IDLE_POLL_MS = 1_000;
/** Wake-ups that come faster are taken together. */
const MIN_PAUSE_MS = 50;
/** Several of them within the time after which a worker is taken to be dead. */
const HEARTBEAT_MS = 1_000;
/** How long jobs may take to let go when the process stops. */
const CLOSE_TIMEOUT_MS = 4_000;

/**
 * Does many long jobs of one queue at a time. Unlike so many workers of pg-boss it looks for jobs with one statement, whatever its
 * size, fetches as many as it has hands, and says with one statement that all of them live.
 */
export class ConcurrentWorker {
  readonly #options: ConcurrentWorkerOptions;
  readonly #running = new Map<string, { job: Job; abort: AbortController; ended: Promise<void> }>();
  readonly #stopping = new AbortController();
  #wake = Promise.withResolvers<void>();
  #fetching: Promise<void> | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #beating = false;

  constructor(options: ConcurrentWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#fetching = this.#fetch();
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
  }

  /** Looks for jobs now. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Aborts what runs, and puts it back for others to take at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#fetching;
    for (const { abort } of this.#running.values()) abort.abort(new Error('the worker stops'));
    const patience = new AbortController();
    const ended = Promise.all([...this.#running.values()].map((running) => running.ended));
    await Promise.race([ended, delay(CLOSE_TIMEOUT_MS, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    clearInterval(this.#heartbeat);
  }

  async #fetch(): Promise<void> {
    const { boss, queue, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      this.#wake = Promise.withResolvers();
      const { batchSize, ...rest } = this.#wanted();
      let found = 0;
      try {
        const jobs = batchSize > 0 ? await boss.fetch<JobData>(queue, { batchSize, includeMetadata: true, ...rest }) : [];
        found = jobs.length;
        for (const job of jobs) this.#begin(job);
      } catch (error) {
        log.warn({ err: error, queue }, 'jobs could not be fetched');
      }
      if (this.#stopping.signal.aborted || (found > 0 && found === batchSize)) continue;
      await delay(MIN_PAUSE_MS);
      await this.#woken();
    }
  }

  /** As many as there are free hands; when all are at work, one of a tenant that has none here. */
  #wanted(): { batchSize: number; ignoreGroups?: string[] } {
    const { size } = this.#options;
    const free = size - this.#running.size;
    if (free > 0) return { batchSize: free };
    if (-free >= Math.ceil(size / SLOTS_PER_SPARE)) return { batchSize: 0 };
    return { batchSize: 1, ignoreGroups: [...new Set(Array.from(this.#running.values(), ({ job }) => job.data.tenantId))] };
  }

  async #woken(): Promise<void> {
    const patience = new AbortController();
    const poll = delay(IDLE_POLL_MS, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.#wake.promise, poll]);
    patience.abort();
  }

  #begin(job: Job): void {
    const abort = new AbortController();
    const ended = this.#do(job, abort.signal)
      .catch((error: unknown) =>
        this.#options.log.error({ err: error, queue: this.#options.queue }, 'how a job ended was not kept'),
      )
      .finally(() => {
        this.#running.delete(job.id);
        this.wake();
      });
    this.#running.set(job.id, { job, abort, ended });
  }

  async #do(job: Job, signal: AbortSignal): Promise<void> {
    const { boss, queue, handle, log } = this.#options;
    try {
      await handle({ data: job.data, signal, lastAttempt: job.retryCount >= job.retryLimit });
    } catch (error) {
      // Put back rather than failed: that it was interrupted is not the job's fault, and another may begin at once.
      if (signal.aborted) {
        await boss.insert(queue, [{ data: job.data, priority: job.priority, group: { id: job.data.tenantId } }]);
        await boss.complete(queue, job);
        return;
      }
      log.error({ err: error, queue, tenantId: job.data.tenantId, id: job.data.id, attempt: job.retryCount }, 'a job failed');
      await boss.fail(queue, job, { message: 'The log of the worker tells more.' });
      return;
    }
    await boss.complete(queue, job);
  }

  /** First says that its own jobs live: after a pause of this process nobody else may have. */
  async #beat(): Promise<void> {
    const { boss, queue, log } = this.#options;
    if (this.#beating) return;
    this.#beating = true;
    try {
      const jobs = [...this.#running.values()].map(({ job }) => job);
      if (jobs.length > 0) await boss.touch(queue, jobs);
      const dead = await retryStaleJobs(boss, queue);
      if (dead > 0) log.warn({ queue, jobs: dead }, 'a worker died, and its jobs are tried again');
    } catch (error) {
      log.warn({ err: error, queue }, 'jobs could not say that they live, or be looked for that are dead');
    } finally {
      this.#beating = false;
    }
  }
}
