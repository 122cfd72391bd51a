import { sql } from '../../../db/sql.ts';
import { tenantKey } from '../../../db/tenant-key.ts';
import { MessageRole } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';
import { listType } from '../../../graphql/connection.ts';
import { reads } from '../../../graphql/selection.ts';
import { tenantScoped } from '../../../graphql/tenant-scoped.ts';
import { Conversation, loadConversation } from './conversation.ts';

export const MessageRoleEnum = builder.enumType(MessageRole, { name: 'MessageRole', description: 'Who speaks in a message.' });

export const Message = builder.prismaNode('Message', {
  nullable: true,
  extensions: tenantScoped('messages'),
  authScopes: { permission: 'conversation:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    sequence: t.exposeInt('sequence'),
    role: t.expose('role', { type: MessageRoleEnum }),
    content: t.exposeString('content'),
    toolCalls: t.field({
      type: ['JSONObject'],
      nullable: true,
      description: 'Tools the model asks for: objects of `id`, `name` and `arguments`.',
      extensions: reads('toolCalls'),
      resolve: ({ toolCalls }) => toolCalls as unknown[] | null,
    }),
    toolResults: t.field({
      type: ['JSONObject'],
      nullable: true,
      description: 'What the tools answered: objects of `toolCallId`, `output` and `error`.',
      extensions: reads('toolResults'),
      resolve: ({ toolResults }) => toolResults as unknown[] | null,
    }),
    model: t.exposeString('model', { nullable: true }),
    tokenCount: t.expose('tokenCount', { type: 'BigInt', nullable: true }),
    latencyMs: t.exposeInt('latencyMs', { nullable: true }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation.',
      extensions: reads('conversationId'),
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
  }),
});

export const loadMessage = byId<typeof Message.$inferType>('Message', 'messages');

builder.objectField(Message, 'parentMessage', (t) =>
  t.field({
    type: Message,
    nullable: true,
    description: 'The message this one answers.',
    extensions: reads('parentMessageId'),
    resolve: ({ parentMessageId }, _args, context) => loadMessage(context, parentMessageId),
  }),
);

const MessageFilter = builder.inputType('MessageFilter', {
  description: 'Which messages. All conditions must hold.',
  fields: (t) => ({
    role: t.field({ type: [MessageRoleEnum], description: 'Spoken by one of these.' }),
    afterSequence: t.int({ description: 'With a higher number than this.' }),
    beforeSequence: t.int({ description: 'With a lower number than this.' }),
  }),
});

export const messageList = listType({
  name: 'Message',
  table: 'messages',
  node: Message,
  orders: {
    SEQUENCE_ASC: { column: 'sequence', type: 'integer', direction: 'ASC' },
    SEQUENCE_DESC: { column: 'sequence', type: 'integer', direction: 'DESC' },
  },
  filter: {
    type: MessageFilter,
    where: ({ role, afterSequence, beforeSequence }: typeof MessageFilter.$inferInput) => [
      ...(role ? [sql`messages.role = ANY (${role}::message_role[])`] : []),
      ...(afterSequence != null ? [sql`messages.sequence > ${afterSequence}::integer`] : []),
      ...(beforeSequence != null ? [sql`messages.sequence < ${beforeSequence}::integer`] : []),
    ],
  },
});

messageList.of(Conversation, 'messages', {
  description: 'Its messages, in the order they were said.',
  column: 'conversation_id',
  access: 'conversation:read',
});
