import type { AgentRun } from '../../../generated/prisma/client.ts';
import { truncateBytes } from '../../../platform/lib/text.ts';
import { acceptsMessages, insertMessageUnannounced, MAX_CONTENT_BYTES, type MessageFields } from '../../conversations/exports.ts';
import type { RunControls } from '../services.ts';

export type RunMessage = Omit<MessageFields, 'conversationId' | 'runId' | 'idempotencyKey'> & { id: string };

/** Whether the run has a conversation that accepts messages. The result holds while the conversation is locked. */
export async function takesMessages({ prisma }: RunControls, { conversationId }: AgentRun): Promise<boolean> {
  return conversationId !== null && acceptsMessages(prisma, conversationId);
}

/** Appends a message of a run to its conversation, which must accept messages. `publishRunChange` in the same transaction publishes it. */
export async function writeRunMessage({ database }: RunControls, run: AgentRun, message: RunMessage): Promise<void> {
  const content = truncateBytes(message.content, MAX_CONTENT_BYTES);
  const conversationId = run.conversationId as string;
  await insertMessageUnannounced(database, run.tenantId, { ...message, content, conversationId, runId: run.id });
}
