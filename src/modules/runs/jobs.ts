import { createDraftWriter } from '../conversations/exports.ts';
import { AgentRun } from './agent-run.ts';
import { LeaseKeeper } from './lease/lease-keeper.ts';
import { executeRun, failAbandonedRun } from './lifecycle/execute-run.ts';
import type { RunServices } from './services.ts';
import { RUN_SETTINGS, type RunSettings } from './settings.ts';

export interface RunWorkOptions {
  /** Maximum number of concurrent runs. */
  concurrency: number;
  settings?: Partial<RunSettings>;
}

/** Starts executing runs in this process. Close the result after the jobs and before the database. */
export async function workOnRuns(
  parts: Omit<RunServices, 'drafts'>,
  { concurrency, settings = {} }: RunWorkOptions,
): Promise<{ close(): Promise<void> }> {
  const { jobs, live } = parts;
  const drafts = createDraftWriter(parts);
  const services: RunServices = { ...parts, drafts };
  const allSettings = { ...RUN_SETTINGS, ...settings };
  const leaseKeeper = new LeaseKeeper(services, allSettings);
  const unsubscribe = live.onNotice(AgentRun.log.topic, ({ id }) => {
    // A run that another process queued starts immediately, without waiting for the next poll.
    if (!leaseKeeper.notify(id)) jobs.wake('run.execute');
  });
  await jobs.work({ 'run.failed': ({ data }) => failAbandonedRun(services, data.tenantId, data.id) }, 1);
  jobs.startConcurrentWorker(
    {
      'run.execute': ({ data: { tenantId, id: runId }, signal, lastAttempt }) =>
        executeRun(services, allSettings, leaseKeeper, { tenantId, runId, signal, lastAttempt }),
    },
    concurrency,
  );
  return {
    async close() {
      unsubscribe();
      await drafts.close();
    },
  };
}
