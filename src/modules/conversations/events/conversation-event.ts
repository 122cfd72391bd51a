import { ConversationEventType } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { tenantScoped } from '../../../platform/graphql/tenant-scoped.ts';
import { Conversation } from '../conversation.ts';
import { Message } from '../message.ts';
import { ToolExecution } from '../tool-execution.ts';
import { subjectOf } from './event-payload-cache.ts';
import type { ConversationEventRow, MessageDelta as MessageDeltaRow } from './event-row.ts';

export const ConversationEventTypeEnum = builder.enumType({ ...ConversationEventType, MESSAGE_DELTA: 'MESSAGE_DELTA' } as const, {
  name: 'ConversationEventType',
  description:
    'Kind of a conversation event. MESSAGE_DELTA carries text of a message that a model is generating: subscriptions deliver it, and the event log does not store it.',
});

const MessageDelta = builder.objectRef<MessageDeltaRow>('MessageDelta').implement({
  extensions: tenantScoped('message_drafts'),
  description:
    'Text of a message that a model is generating. It replaces everything that the subscriber has of the message from `offset` on; ' +
    '`offset` 0 starts the text, or restarts it. The concatenated deltas are the content so far. A MESSAGE_APPENDED event delivers the final ' +
    'message. If the run ends without one, discard the text.',
  authScopes: { permission: 'conversation:read' },
  fields: (t) => ({
    messageId: t.expose('messageId', { type: 'UUID', description: '`uuid` that the message will have.' }),
    offset: t.exposeInt('offset', {
      description:
        'Position of the text in the message, in Unicode code points: indexes of `[...text]` in JavaScript, of `text` in Python.',
    }),
    text: t.exposeString('text', { description: 'Text from `offset` on.' }),
  }),
});

type EventShape = Pick<ConversationEventRow, 'conversationId' | 'sequence' | 'type' | 'payload' | 'createdAt' | 'delta'>;

export const ConversationEvent = builder.objectRef<EventShape>('ConversationEvent').implement({
  extensions: tenantScoped('conversation_events'),
  description: 'One event of a conversation. Sequence numbers are gapless: to resume after event n, subscribe with `after: n`.',
  authScopes: { permission: 'conversation:read' },
  fields: (t) => ({
    sequence: t.exposeInt('sequence', {
      description:
        'Number of the event in the log of the conversation, for `after`: 1, 2, 3 …, gapless, in commit order. A MESSAGE_DELTA has the number of the event before it.',
    }),
    type: t.expose('type', { type: ConversationEventTypeEnum, description: 'Kind of the event.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time of the event.' }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation in its current state.',
      resolve: ({ conversationId }, _args, context) => Conversation.load(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message of a MESSAGE_APPENDED event. Null for other events.',
      resolve: (event, _args, context) => Message.load(context, subjectOf(event, 'messageId')),
    }),
    toolExecution: t.field({
      type: ToolExecution,
      nullable: true,
      description: 'The tool execution of a TOOL_EXECUTION_RECORDED event. Null for other events.',
      resolve: (event, _args, context) => ToolExecution.load(context, subjectOf(event, 'toolExecutionId')),
    }),
    delta: t.field({
      type: MessageDelta,
      nullable: true,
      description: 'The text of a MESSAGE_DELTA event. Null for other events.',
      resolve: ({ delta }) => delta ?? null,
    }),
    runId: t.field({
      type: 'UUID',
      nullable: true,
      description:
        '`uuid` of the run that a RUN_CHANGED event reports, or that generates the text of a MESSAGE_DELTA event. Null for other events.',
      resolve: (event) => subjectOf(event, 'runId') ?? null,
    }),
  }),
});
