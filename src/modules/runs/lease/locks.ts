import type { AgentRun } from '../../../generated/prisma/client.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';

/** A run whose row is locked until the transaction ends. */
export interface LockedRun {
  run: AgentRun;
  /** Remaining time of the lease in milliseconds. 0 without a valid lease. */
  leaseRemainingMs: number;
}

/**
 * Locks the conversation of a run, then the run. Lock order everywhere: conversation before run, because appending to a conversation
 * locks it, and a second order would deadlock. Returns undefined where the run does not exist.
 */
export async function lockRun(database: Database, prisma: Prisma, id: string): Promise<LockedRun | undefined> {
  await queryRows(
    database,
    sql`SELECT c.id FROM agent_runs r JOIN conversations c ON c.tenant_id = r.tenant_id AND c.id = r.conversation_id
      WHERE r.id = ${id}::uuid FOR NO KEY UPDATE OF c`,
  );
  const [lease] = await queryRows<{ remainingMs: number | null }>(
    database,
    sql`SELECT (extract(epoch FROM lease_expires_at - clock_timestamp()) * 1000)::float8 AS remaining_ms
      FROM agent_runs WHERE id = ${id}::uuid FOR NO KEY UPDATE`,
  );
  const run = lease && (await prisma.agentRun.findFirst({ where: { id } }));
  return run ? { run, leaseRemainingMs: Math.max(0, lease.remainingMs ?? 0) } : undefined;
}

/** Locks a conversation before its runs are changed: see `lockRun` for the lock order. */
export async function lockConversation(database: Database, id: string | null): Promise<void> {
  if (id === null) return;
  await queryRows(database, sql`SELECT FROM conversations WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
}
