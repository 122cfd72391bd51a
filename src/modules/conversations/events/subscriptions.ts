import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { logSubscription } from '../../../platform/graphql/kit/log-subscription.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';
import { Message } from '../message.ts';
import { ToolExecution } from '../tool-execution.ts';
import { ConversationEvent } from './conversation-event.ts';
import { eventPayloadCache, subjectOf } from './event-payload-cache.ts';
import type { ConversationEventRow } from './event-row.ts';
import { logWithMessages } from './log-with-messages.ts';

/** Lets the fields of an event load its message or tool execution from the rows that all live views share. */
function primeSubjects(row: ConversationEventRow, context: GraphQLContext): void {
  const subjects = eventPayloadCache(context.database);
  Message.load.prime(context, subjectOf(row, 'messageId'), () => subjects.message(row));
  ToolExecution.load.prime(context, subjectOf(row, 'toolExecutionId'), () => subjects.toolExecution(row));
}

const conversationSubscription = { log: logWithMessages, typename: 'Conversation', access: 'conversation:read' } as const;

logSubscription('conversationEvents', {
  ...conversationSubscription,
  type: ConversationEvent,
  description:
    'What happens in a conversation, as it happens, each event once and in order. Between them comes the text of an answer while it is ' +
    'being written, as MESSAGE_DELTA events: at most 20 a second, and none before all events so far were told.',
  after: 'First tells again every event after this number: 0 for all, or the last one seen. Without it, only new ones.',
  drafts: true,
  resolve: (row, context) => {
    primeSubjects(row, context);
    return row;
  },
});

logSubscription('messageAppended', {
  ...conversationSubscription,
  type: Message,
  description: 'The messages of a conversation from now on. To miss none after a broken connection, use `conversationEvents`.',
  filter: ({ type }) => type === 'MESSAGE_APPENDED',
  resolve: async (row, context) => {
    primeSubjects(row, context);
    const message = await eventPayloadCache(context.database).message(row);
    if (!message) throw new NotFoundError('The message');
    return message;
  },
});
