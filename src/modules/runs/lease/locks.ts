import type { AgentRun } from '../../../generated/prisma/client.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';

/** A run that nobody else changes until the transaction ends. */
export interface LockedRun {
  run: AgentRun;
  /** How long its worker still has it, in milliseconds. 0 where none does. */
  leaseRemainingMs: number;
}

/**
 * Locks a run and its conversation, in this order everywhere: what is written to the conversation locks it anyway, and two who
 * lock in different orders wait for each other. Undefined for a run that is not there.
 */
export async function lockRun(database: Database, prisma: Prisma, id: string): Promise<LockedRun | undefined> {
  await queryRows(
    database,
    sql`SELECT c.id FROM agent_runs r JOIN conversations c ON c.tenant_id = r.tenant_id AND c.id = r.conversation_id
      WHERE r.id = ${id}::uuid FOR NO KEY UPDATE OF c`,
  );
  const [lease] = await queryRows<{ heldForMs: number | null }>(
    database,
    sql`SELECT (extract(epoch FROM lease_expires_at - clock_timestamp()) * 1000)::float8 AS held_for_ms
      FROM agent_runs WHERE id = ${id}::uuid FOR NO KEY UPDATE`,
  );
  const run = lease && (await prisma.agentRun.findFirst({ where: { id } }));
  return run ? { run, leaseRemainingMs: Math.max(0, lease.heldForMs ?? 0) } : undefined;
}

/** Locks a conversation before what is written to its runs. */
export async function lockConversation(database: Database, id: string | null): Promise<void> {
  if (id === null) return;
  await queryRows(database, sql`SELECT FROM conversations WHERE id = ${id}::uuid FOR NO KEY UPDATE`);
}
