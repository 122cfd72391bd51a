import type { Conversation, Message, ToolExecution } from '../../generated/prisma/client.ts';
import { NotFoundError } from '../../platform/lib/errors.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { anyId } from '../../platform/postgres/id-arrays.ts';
import { columnList } from '../../platform/postgres/keyset-pagination.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { identifier, queryRows, sql } from '../../platform/postgres/sql.ts';

function findAll<Row>(database: Database, table: string, ids: readonly string[]): Promise<Row[]> {
  return queryRows<Row>(
    database,
    sql`SELECT ${columnList(table)} FROM ${identifier(table)} WHERE ${anyId(identifier('id'), ids)}`,
  );
}

export function findMessages(database: Database, ids: readonly string[]): Promise<Message[]> {
  return findAll(database, 'messages', ids);
}

export function findToolExecutions(database: Database, ids: readonly string[]): Promise<ToolExecution[]> {
  return findAll(database, 'tool_executions', ids);
}

/** Throws NotFoundError. */
export async function requireConversation(prisma: Prisma, id: string, path: string[]): Promise<Conversation> {
  return requireFound(prisma.conversation.findFirst({ where: { id } }), 'The conversation', path);
}

/** Whether a conversation is there and ACTIVE. Stays so while it is locked. */
export async function acceptsMessages(prisma: Prisma, id: string): Promise<boolean> {
  const conversation = await prisma.conversation.findFirst({ where: { id }, select: { status: true } });
  return conversation?.status === 'ACTIVE';
}

/** Reads it and holds it until the transaction ends. Throws NotFoundError. */
export async function requireLockedConversation(database: Database, id: string, path: string[]): Promise<Conversation> {
  const [conversation] = await queryRows<Conversation>(
    database,
    sql`SELECT ${columnList('conversations')} FROM conversations WHERE id = ${id}::uuid FOR UPDATE`,
  );
  if (!conversation) throw new NotFoundError('The conversation', { path });
  return conversation;
}
