import type { ExecutionStatus, Prisma as PrismaTypes, ToolExecution } from '../../generated/prisma/client.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { NotFoundError, ValidationError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { publishChange } from '../../platform/live/change-log.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { Agent } from '../agents/exports.ts';
import type { ConversationDeps } from './deps.ts';
import { conversationLog } from './events/event-log.ts';
import { requireConversation } from './read.ts';

export interface NewToolExecution {
  conversationId?: string | undefined;
  messageId?: string | undefined;
  agentId?: string | undefined;
  toolName: string;
  input?: Record<string, unknown> | undefined;
  output?: unknown;
  status: ExecutionStatus;
  errorMessage?: string | undefined;
  durationMs?: number | undefined;
  startedAt?: Date | undefined;
  completedAt?: Date | undefined;
  metadata?: Record<string, unknown> | undefined;
}

type ToolExecutionRow = Omit<PrismaTypes.ToolExecutionUncheckedCreateInput, 'tenantId' | 'id'>;

/**
 * The only writer of `tool_executions`. The caller checks what the row refers to, and publishes the change of its conversation: a trigger
 * writes the event.
 */
export async function insertToolExecution(prisma: Prisma, tenantId: string, row: ToolExecutionRow): Promise<ToolExecution> {
  return prisma.toolExecution.create({ data: { ...row, tenantId, id: newId() } });
}

/** Where only the end is told, the beginning follows from how long it took. */
function beginningOf({ completedAt, durationMs = 0 }: NewToolExecution): Date | undefined {
  return completedAt && new Date(completedAt.getTime() - durationMs);
}

/** Keeps what a tool was given and what came of it. A message names its conversation by itself. */
export async function recordToolExecution(
  { prisma, live }: ConversationDeps,
  viewer: Viewer,
  given: NewToolExecution,
): Promise<ToolExecution> {
  const { input, output, metadata, ...columns } = given;
  if (columns.startedAt && columns.completedAt && columns.completedAt < columns.startedAt) {
    throw ValidationError.inputPath(['input', 'completedAt'], 'Must not be before `startedAt`.');
  }
  let conversationId = columns.conversationId;
  if (columns.messageId !== undefined) {
    const message = await prisma.message.findFirst({ where: { id: columns.messageId }, select: { conversationId: true } });
    if (!message || (conversationId !== undefined && message.conversationId !== conversationId)) {
      throw new NotFoundError('The message', { path: ['input', 'messageId'] });
    }
    conversationId = message.conversationId;
  }
  if (columns.agentId !== undefined) await Agent.require(prisma, columns.agentId, ['input', 'agentId']);
  if (conversationId !== undefined) await requireConversation(prisma, conversationId, ['input', 'conversationId']);
  const execution = await insertToolExecution(prisma, viewer.tenantId, {
    ...columns,
    startedAt: columns.startedAt ?? beginningOf(columns),
    conversationId,
    input: input as PrismaTypes.InputJsonValue | undefined,
    output: output as PrismaTypes.InputJsonValue | undefined,
    metadata: metadata as PrismaTypes.InputJsonValue | undefined,
  });
  if (conversationId !== undefined) {
    const { tenantId, id, lastEventSequence } = await requireConversation(prisma, conversationId, []);
    publishChange(live, conversationLog, { tenantId, id, sequence: lastEventSequence });
  }
  return execution;
}
