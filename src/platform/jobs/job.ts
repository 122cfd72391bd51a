import type { QueueRegistry } from '../module/registry.ts';

/** The data of a job: the tenant and the id of an object. Never content of a tenant. */
export interface JobData {
  tenantId: string;
  id: string;
}

export interface JobContext {
  data: JobData;
  /** Aborts when the worker stops or the job exceeds its time limit. */
  signal: AbortSignal;
  /** Whether the job is not retried if it fails. */
  lastAttempt: boolean;
}

/** A queue registered by a module. */
export type QueueName = keyof QueueRegistry;

export type JobHandlers = Partial<Record<QueueName, (context: JobContext) => Promise<void>>>;

export interface EnqueueOptions {
  /** The least delay before the jobs start. @default 0 */
  delaySeconds?: number;
  /** Jobs with a higher priority start first. @default 0 */
  priority?: number;
}

export interface Jobs {
  /**
   * Enqueues jobs in the open transaction. They become visible when it commits. Throws outside a transaction.
   */
  enqueue(queue: QueueName, jobs: JobData[], options?: EnqueueOptions): Promise<void>;
  /** Starts workers in this process. @param concurrency workers per queue */
  work(handlers: JobHandlers, concurrency: number): Promise<void>;
  /**
   * Starts a ConcurrentWorker per queue, for long jobs that mostly wait for I/O.
   * @param size concurrent jobs per queue; an idle queue costs one query per second for any size
   */
  startConcurrentWorker(handlers: JobHandlers, size: number): void;
  /** Makes the ConcurrentWorker of a queue fetch jobs immediately, after a notification. Does nothing without one. */
  wake(queue: QueueName): void;
  /** Stops the workers and returns their running jobs to the queue. */
  close(): Promise<void>;
}
