import type { QueueRegistry } from '../module/registry.ts';

/** What a job carries: whose it is, and which object. Never what a tenant said. */
export interface JobData {
  tenantId: string;
  id: string;
}

export interface JobContext {
  data: JobData;
  /** Aborts when the worker stops, or the job has taken too long. */
  signal: AbortSignal;
  /** Whether nobody will try again. */
  lastAttempt: boolean;
}

/** A queue that a module has registered. */
export type QueueName = keyof QueueRegistry;

export type JobHandlers = Partial<Record<QueueName, (run: JobContext) => Promise<void>>>;

export interface Jobs {
  /**
   * Queues jobs in the running transaction: they are there when the transaction commits, and only then.
   * @param delaySeconds how long they wait at least
   * @param priority those of a higher one are done first
   */
  enqueue(queue: QueueName, jobs: JobData[], delaySeconds?: number, priority?: number): Promise<void>;
  /** Begins to work. Without it, jobs are queued for others. */
  work(handlers: JobHandlers, concurrency: number): Promise<void>;
  /**
   * Begins to work on queues of long jobs that mostly wait for others.
   * @param size jobs of one queue at a time; however many, an idle queue is asked once a second
   */
  startConcurrentWorker(handlers: JobHandlers, size: number): void;
  /** Looks for jobs of a queue now, where this process works on it in parallel: somebody heard that there are some. */
  wake(queue: QueueName): void;
  /** Lets running jobs go back to the queue, and stops. */
  close(): Promise<void>;
}
