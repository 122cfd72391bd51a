import type { AgentRun, MessageRole, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import type { RunControls } from './services.ts';

export interface RunMessage {
  id: string;
  role: MessageRole;
  content: string;
  toolCalls?: object[] | undefined;
  toolResults?: object[] | undefined;
  citations?: object[] | undefined;
  model?: string | undefined;
  tokenCount?: bigint | undefined;
  latencyMs?: number | undefined;
  parentMessageId?: string | null | undefined;
  metadata?: object | undefined;
}

/** The database takes no more as one message. */
const MAX_CONTENT_BYTES = 1_048_576;

/** Whether the run's conversation still takes messages. Holds while the conversation is locked. */
export async function takesMessages({ prisma }: RunControls, { conversationId }: AgentRun): Promise<boolean> {
  if (conversationId === null) return false;
  const conversation = await prisma.conversation.findFirst({ where: { id: conversationId }, select: { status: true } });
  return conversation?.status === 'ACTIVE';
}

/** Appends a message of a run to its conversation, which must take messages. */
export async function writeRunMessage({ prisma }: RunControls, run: AgentRun, message: RunMessage): Promise<void> {
  const { toolCalls, toolResults, citations, metadata, content, ...columns } = message;
  await prisma.message.create({
    data: {
      ...columns,
      tenantId: run.tenantId,
      conversationId: run.conversationId as string,
      runId: run.id,
      content: fitting(content),
      toolCalls: toolCalls as PrismaTypes.InputJsonValue | undefined,
      toolResults: toolResults as PrismaTypes.InputJsonValue | undefined,
      citations: citations as PrismaTypes.InputJsonValue | undefined,
      metadata: metadata as PrismaTypes.InputJsonValue | undefined,
    },
    select: { id: true },
  });
}

function fitting(content: string): string {
  const bytes = Buffer.from(content);
  if (bytes.length <= MAX_CONTENT_BYTES) return content;
  // A character that was cut in two becomes one that says so, and is left out.
  return bytes.subarray(0, MAX_CONTENT_BYTES).toString('utf8').replace(/�$/, '');
}
