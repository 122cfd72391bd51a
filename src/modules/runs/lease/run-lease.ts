import type { Agent } from '../../../generated/prisma/client.ts';
import { publishChange } from '../../../platform/live/change-log.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { conversationLog } from '../../conversations/exports.ts';
import { AgentRun } from '../agent-run.ts';
import { LeaseLostError } from '../errors.ts';
import type { RunControls, RunServices } from '../services.ts';
import type { RunSettings } from '../settings.ts';
import { lockConversation } from './locks.ts';

/** A run that this worker executes. */
export interface RunLease {
  /** State of the row at the claim. Its counters are stale after that. */
  run: AgentRun;
  agent: Agent;
  /** Value of `lease_owner`. Another worker's claim replaces it, and `withLease` then throws. */
  token: string;
  settings: RunSettings;
}

/** Runs `work` in a transaction that holds and renews the lease, and publishes the changes. Throws LeaseLostError. */
export async function withLease<T>(services: RunServices, lease: RunLease, work: () => Promise<T>): Promise<T> {
  const { database } = services;
  const { run, token, settings } = lease;
  return database.transaction(async () => {
    await lockConversation(database, run.conversationId);
    const [held] = await queryRows(
      database,
      sql`UPDATE agent_runs SET lease_expires_at = clock_timestamp() + ${settings.leaseMs}::integer * interval '1 millisecond'
        WHERE id = ${run.id}::uuid AND lease_owner = ${token}::uuid AND status = 'RUNNING' RETURNING id`,
    );
    if (!held) throw new LeaseLostError();
    const result = await work();
    await publishRunChange(services, run);
    return result;
  });
}

/** Publishes the latest changes of a run and its conversation after the commit of the current transaction. */
export async function publishRunChange(
  { database, live }: Pick<RunControls, 'database' | 'live'>,
  { tenantId, id, conversationId }: Pick<AgentRun, 'tenantId' | 'id' | 'conversationId'>,
): Promise<void> {
  const [now] = await queryRows<{ changeSequence: number; lastEventSequence: number | null }>(
    database,
    sql`SELECT r.change_sequence, c.last_event_sequence FROM agent_runs r
      LEFT JOIN conversations c ON c.tenant_id = r.tenant_id AND c.id = r.conversation_id WHERE r.id = ${id}::uuid`,
  );
  if (!now) return;
  publishChange(live, AgentRun.log, { tenantId, id, sequence: now.changeSequence });
  if (conversationId !== null && now.lastEventSequence !== null) {
    publishChange(live, conversationLog, { tenantId, id: conversationId, sequence: now.lastEventSequence });
  }
}
