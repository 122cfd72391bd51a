import { MessageRole } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { tenantScoped } from '../../../platform/graphql/tenant-scoped.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
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
      extensions: dependsOn('toolCalls'),
      resolve: ({ toolCalls }) => toolCalls as unknown[] | null,
    }),
    toolResults: t.field({
      type: ['JSONObject'],
      nullable: true,
      description: 'What the tools answered: objects of `toolCallId`, `output` and `error`.',
      extensions: dependsOn('toolResults'),
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
      extensions: dependsOn('conversationId'),
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
  }),
});

export const loadMessage = nodeLoader<typeof Message.$inferType>('Message', 'messages');

builder.objectField(Message, 'parentMessage', (t) =>
  t.field({
    type: Message,
    nullable: true,
    description: 'The message this one answers.',
    extensions: dependsOn('parentMessageId'),
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

export const messageList = defineConnection({
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

messageList.onParent(Conversation, 'messages', {
  description: 'Its messages, in the order they were said.',
  column: 'conversation_id',
  access: 'conversation:read',
});
