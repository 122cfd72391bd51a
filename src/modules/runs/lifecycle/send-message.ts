import type { Conversation as ConversationRow, Message as MessageRow } from '../../../generated/prisma/client.ts';
import { requireRights } from '../../../platform/auth/rights.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule } from '../../../platform/graphql/kit/rules.ts';
import { ConflictError } from '../../../platform/lib/errors.ts';
import { appendMessage, Conversation, Message } from '../../conversations/exports.ts';
import { AgentRun } from '../agent-run.ts';
import { lockConversation } from '../lease/locks.ts';
import type { RunControls } from '../services.ts';
import { idempotencyKeyRule, promptRule, queueRun, requireActiveAgent } from './queue-run.ts';

export interface SentMessage {
  message: MessageRow;
  run: AgentRun;
  conversation: ConversationRow;
  /** Whether the idempotency key was used before: this is the result of the first call. */
  repeated: boolean;
}

export interface MessageToSend {
  conversationId: string;
  content: string;
  /** Unique in the conversation. */
  idempotencyKey?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/**
 * Appends a user's message and queues the run that answers it, inside the caller's transaction. Throws NotFoundError, ConflictError
 * and InvalidStateError.
 */
export async function sendMessage(services: RunControls, viewer: Viewer, input: MessageToSend): Promise<SentMessage> {
  const { prisma, database } = services;
  requireRights(viewer, { permissions: ['conversation:write'] }, 'send messages');
  const { agentId } = await Conversation.require(prisma, input.conversationId, ['input', 'conversationId']);
  await lockConversation(database, input.conversationId);
  const sent = await appendMessage(services, viewer, { ...input, role: 'USER' });
  if (sent.repeated) {
    const run = await prisma.agentRun.findFirst({ where: { messageId: sent.message.id } });
    if (!run) {
      throw new ConflictError('This idempotency key was used for a message that was appended and not sent.', {
        path: ['input', 'idempotencyKey'],
      });
    }
    return { ...sent, run };
  }
  const agent = await requireActiveAgent(services, agentId, ['input', 'conversationId']);
  const run = await queueRun(services, viewer, agent, {
    trigger: 'MESSAGE',
    conversationId: input.conversationId,
    messageId: sent.message.id,
    input: { text: sent.message.content },
  });
  return { ...sent, run, conversation: await Conversation.require(prisma, input.conversationId, []) };
}

mutation('sendMessage', {
  description:
    "Appends a user's message to a conversation and starts the run that answers it. `conversationEvents` delivers the answer as deltas, then " +
    'as a message. If a run of the conversation is active, `Agent.whenBusy` determines whether the new run waits or cancels it.',
  access: 'agent:execute',
  input: (t) => ({
    conversationId: nodeId(t, 'Conversation', { required: true, description: 'The conversation.' }),
    content: t.string({ required: true, description: 'Text of the message, at most 1 MiB.', validate: promptRule }),
    idempotencyKey: t.string({
      description: 'Key of this call, unique in the conversation: a retry with the same key returns the first result.',
      validate: idempotencyKeyRule,
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Application data of the message, a JSON object. The server does not interpret it.',
      validate: jsonObjectRule,
    }),
  }),
  payload: builder.objectRef<SentMessage>('SendMessagePayload').implement({
    description: 'The message and the run that answers it.',
    fields: (t) => ({
      sentMessage: t.field({ type: Message, description: 'The appended message.', resolve: ({ message }) => message }),
      run: t.field({ type: AgentRun, description: 'The run that answers the message.', resolve: ({ run }) => run }),
      conversation: t.field({
        type: Conversation,
        description: 'The conversation with the updated counters.',
        resolve: ({ conversation }) => conversation,
      }),
      repeated: t.exposeBoolean('repeated', {
        description: 'Whether the idempotency key was used before, so that this is the result of the first call.',
      }),
    }),
  }),
  resolve: ({ conversationId, content, idempotencyKey, metadata }, context) =>
    sendMessage(context, context.viewer, {
      conversationId,
      content,
      idempotencyKey: idempotencyKey ?? undefined,
      metadata: metadata ?? undefined,
    }),
});
