import type { Agent } from '../../../generated/prisma/client.ts';
import { publishChange } from '../../../platform/live/change-log.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { conversationLog } from '../../conversations/exports.ts';
import { AgentRun } from '../agent-run.ts';
import { LeaseLostError } from '../errors.ts';
import type { RunControls, RunServices } from '../services.ts';
import type { RunSettings } from '../settings.ts';
import { lockConversation } from './locks.ts';

/** A run that is this worker's to carry out. */
export interface RunLease {
  /** As it was claimed. Its counters move on. */
  run: AgentRun;
  agent: Agent;
  /** Writes under a claim that another worker has taken over are refused. */
  token: string;
  settings: RunSettings;
}

/** Runs `work` in a transaction in which the run is this worker's, and tells of what it changed. Throws LostRunError. */
export async function withLease<T>(services: RunServices, claim: RunLease, work: () => Promise<T>): Promise<T> {
  const { database } = services;
  const { run, token, settings } = claim;
  return database.transaction(async () => {
    await lockConversation(database, run.conversationId);
    const [mine] = await queryRows(
      database,
      sql`UPDATE agent_runs SET lease_expires_at = clock_timestamp() + ${settings.leaseMs}::integer * interval '1 millisecond'
        WHERE id = ${run.id}::uuid AND lease_owner = ${token}::uuid AND status = 'RUNNING' RETURNING id`,
    );
    if (!mine) throw new LeaseLostError();
    const result = await work();
    await publishRunChange(services, run);
    return result;
  });
}

/** Wakes whoever watches a run or its conversation, once the running transaction has committed. */
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
