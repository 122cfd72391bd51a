import type { ConversationEvent as ConversationEventRow } from '../../../generated/prisma/client.ts';
import { ConversationEventType } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../graphql/builder.ts';
import { subjectOf } from '../event-subjects.ts';
import { Conversation, loadConversation } from './conversation.ts';
import { loadMessage, Message } from './message.ts';
import { loadToolExecution, ToolExecution } from './tool-execution.ts';

export const ConversationEventTypeEnum = builder.enumType(ConversationEventType, {
  name: 'ConversationEventType',
  description: 'What happened in a conversation.',
});

type EventShape = Pick<ConversationEventRow, 'conversationId' | 'sequence' | 'type' | 'payload' | 'createdAt'>;

export const ConversationEvent = builder.objectRef<EventShape>('ConversationEvent').implement({
  description: 'One event of a conversation. Numbers have no gaps: who has seen n resumes with `after: n`.',
  authScopes: { permission: 'conversation:read' },
  fields: (t) => ({
    sequence: t.exposeInt('sequence', { description: '1, 2, 3 … per conversation, without gaps, in the order of commits.' }),
    type: t.expose('type', { type: ConversationEventTypeEnum, description: 'What happened.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it happened.' }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation as it is now.',
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message of a MESSAGE_APPENDED event.',
      resolve: (event, _args, context) => {
        const id = subjectOf(event, 'messageId');
        return loadMessage(context, id);
      },
    }),
    toolExecution: t.field({
      type: ToolExecution,
      nullable: true,
      description: 'The tool execution of a TOOL_EXECUTION_RECORDED event.',
      resolve: (event, _args, context) => {
        const id = subjectOf(event, 'toolExecutionId');
        return loadToolExecution(context, id);
      },
    }),
  }),
});
