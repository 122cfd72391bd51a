import type { AgentRun } from '../../../generated/prisma/client.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { RunControls } from '../services.ts';

/** The count of queued runs that lowers the priority of a new one stops here. */
const MAX_COUNTED = 100;

/**
 * Queues the job that executes a run. Its priority falls with the number of queued runs of the tenant, so that a tenant that queues
 * thousands does not delay the others.
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
  await jobs.enqueue('run.execute', [{ tenantId, id }], { priority: -(ahead?.count ?? 0) });
}

/** Enqueues the oldest queued run of a conversation, if there is one. */
export async function startNextQueued(
  services: RunControls,
  { tenantId, conversationId }: Pick<AgentRun, 'tenantId' | 'conversationId'>,
): Promise<void> {
  if (conversationId === null) return;
  const next = await oldestQueued(services.database, conversationId);
  if (next !== undefined) await enqueueRun(services, { tenantId, id: next });
}

/** The queued run of a conversation whose turn it is: in the order of the messages, then of creation. */
export async function oldestQueued(database: RunControls['database'], conversationId: string): Promise<string | undefined> {
  const [next] = await queryRows<{ id: string }>(
    database,
    sql`SELECT r.id FROM agent_runs r LEFT JOIN messages m ON m.tenant_id = r.tenant_id AND m.id = r.message_id
      WHERE r.conversation_id = ${conversationId}::uuid AND r.status = 'QUEUED' ORDER BY m.sequence, r.created_at, r.id LIMIT 1`,
  );
  return next?.id;
}
