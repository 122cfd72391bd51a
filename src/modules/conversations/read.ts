import type { Database } from '../../db/database.ts';
import { columnList } from '../../db/page.ts';
import type { Prisma } from '../../db/prisma.ts';
import { rows, sql } from '../../db/sql.ts';
import type { Conversation, Message, ToolExecution } from '../../generated/prisma/client.ts';
import { NotFoundError } from '../../lib/errors.ts';

export function findMessages(prisma: Prisma, ids: string[]): Promise<Message[]> {
  return prisma.message.findMany({ where: { id: { in: ids } } });
}

export function findToolExecutions(prisma: Prisma, ids: string[]): Promise<ToolExecution[]> {
  return prisma.toolExecution.findMany({ where: { id: { in: ids } } });
}

/** Throws NotFoundError. */
export async function requireConversation(prisma: Prisma, id: string, path: string[]): Promise<Conversation> {
  const conversation = await prisma.conversation.findFirst({ where: { id } });
  if (!conversation) throw new NotFoundError('The conversation', { path });
  return conversation;
}

/** Reads it and holds it until the transaction ends. Throws NotFoundError. */
export async function requireLockedConversation(database: Database, id: string, path: string[]): Promise<Conversation> {
  const [conversation] = await rows<Conversation>(
    database,
    sql`SELECT ${columnList('conversations')} FROM conversations WHERE id = ${id}::uuid FOR UPDATE`,
  );
  if (!conversation) throw new NotFoundError('The conversation', { path });
  return conversation;
}
