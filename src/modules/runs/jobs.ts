import { createDraftWriter } from '../conversations/exports.ts';
import { AgentRun } from './agent-run.ts';
import { LeaseKeeper } from './lease/lease-keeper.ts';
import { executeRun, failAbandonedRun } from './lifecycle/execute-run.ts';
import type { RunServices } from './services.ts';
import { RUN_SETTINGS, type RunSettings } from './settings.ts';

export interface RunWorkOptions {
  /** Runs at a time. */
  concurrency: number;
  settings?: Partial<RunSettings>;
}

/** Makes this process carry out runs, until its jobs are closed. Close this after them, while the database is still there. */
export async function workOnRuns(
  parts: Omit<RunServices, 'drafts'>,
  { concurrency, settings = {} }: RunWorkOptions,
): Promise<{ close(): Promise<void> }> {
  const { jobs, live } = parts;
  const drafts = createDraftWriter(parts);
  const services: RunServices = { ...parts, drafts };
  const all = { ...RUN_SETTINGS, ...settings };
  const watch = new LeaseKeeper(services, all);
  const unhear = live.onNotice(AgentRun.log.topic, ({ id }) => {
    // What was queued by another process is begun at once, not at the next look.
    if (!watch.notify(id)) jobs.wake('run.execute');
  });
  await jobs.work({ 'run.failed': ({ data }) => failAbandonedRun(services, data.tenantId, data.id) }, 1);
  jobs.startConcurrentWorker(
    {
      'run.execute': ({ data: { tenantId, id: runId }, signal, lastAttempt }) =>
        executeRun(services, all, watch, { tenantId, runId, signal, lastAttempt }),
    },
    concurrency,
  );
  return {
    async close() {
      unhear();
      await drafts.close();
    },
  };
}
