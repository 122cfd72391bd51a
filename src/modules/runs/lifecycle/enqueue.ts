import type { AgentRun } from '../../../generated/prisma/client.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { RunControls } from '../services.ts';

/** Tenants with more runs than this before a new one stand in one line. */
const MAX_COUNTED = 100;

/**
 * Has a worker take up a run that has not begun. The more runs of its tenant wait already, the later: one that queues thousands keeps
 * others waiting no longer than one that queues a few.
 */
export async function enqueueRun(
  { database, jobs }: Pick<RunControls, 'database' | 'jobs'>,
  { tenantId, id }: Pick<AgentRun, 'tenantId' | 'id'>,
): Promise<void> {
  const [ahead] = await queryRows<{ count: number }>(
    database,
    sql`SELECT count(*)::integer AS count FROM (
        SELECT status FROM agent_runs WHERE tenant_id = ${tenantId}::uuid ORDER BY created_at DESC LIMIT ${MAX_COUNTED}) newest
      WHERE status = 'QUEUED'`,
  );
  await jobs.enqueue('run.execute', [{ tenantId, id }], 0, -(ahead?.count ?? 0));
}
