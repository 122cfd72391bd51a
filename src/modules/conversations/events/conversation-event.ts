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
    'What happened in a conversation. MESSAGE_DELTA is text of an answer that is being written: it is told to who watches, and not kept.',
});

const MessageDelta = builder.objectRef<MessageDeltaRow>('MessageDelta').implement({
  extensions: tenantScoped('message_drafts'),
  description:
    'Text of an answer that is being written. It stands from `offset` on, and what a reader has of the message after `offset` is void: ' +
    'at 0 it begins, perhaps again. Put together, the deltas of a message are its content so far; the message itself comes as MESSAGE_APPENDED. ' +
    'Text whose run ends without that is void.',
  authScopes: { permission: 'conversation:read' },
  fields: (t) => ({
    messageId: t.expose('messageId', { type: 'UUID', description: 'The `uuid` that the message will have.' }),
    offset: t.exposeInt('offset', {
      description:
        'Where the text begins, counted in Unicode code points: in JavaScript `[...text]`, in Python `text`. The end of what this reader has, or 0.',
    }),
    text: t.exposeString('text', { description: 'What is written there.' }),
  }),
});

type EventShape = Pick<ConversationEventRow, 'conversationId' | 'sequence' | 'type' | 'payload' | 'createdAt' | 'delta'>;

export const ConversationEvent = builder.objectRef<EventShape>('ConversationEvent').implement({
  extensions: tenantScoped('conversation_events'),
  description: 'One event of a conversation. Numbers have no gaps: who has seen n resumes with `after: n`.',
  authScopes: { permission: 'conversation:read' },
  fields: (t) => ({
    sequence: t.exposeInt('sequence', {
      description:
        '1, 2, 3 … per conversation, without gaps, in the order of commits. A MESSAGE_DELTA has the number of the event before it.',
    }),
    type: t.expose('type', { type: ConversationEventTypeEnum, description: 'What happened.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it happened.' }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation as it is now.',
      resolve: ({ conversationId }, _args, context) => Conversation.load(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message of a MESSAGE_APPENDED event.',
      resolve: (event, _args, context) => Message.load(context, subjectOf(event, 'messageId')),
    }),
    toolExecution: t.field({
      type: ToolExecution,
      nullable: true,
      description: 'The tool execution of a TOOL_EXECUTION_RECORDED event.',
      resolve: (event, _args, context) => ToolExecution.load(context, subjectOf(event, 'toolExecutionId')),
    }),
    delta: t.field({
      type: MessageDelta,
      nullable: true,
      description: 'The text of a MESSAGE_DELTA event.',
      resolve: ({ delta }) => delta ?? null,
    }),
    runId: t.field({
      type: 'UUID',
      nullable: true,
      description: 'The `uuid` of the run that a RUN_CHANGED event is about, or that writes the text of a MESSAGE_DELTA event.',
      resolve: (event) => subjectOf(event, 'runId') ?? null,
    }),
  }),
});
