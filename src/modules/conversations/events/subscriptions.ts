import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { logSubscription } from '../../../platform/graphql/kit/log-subscription.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';
import { Message } from '../message.ts';
import { ToolExecution } from '../tool-execution.ts';
import { ConversationEvent } from './conversation-event.ts';
import { eventPayloadCache, subjectOf } from './event-payload-cache.ts';
import type { ConversationEventRow } from './event-row.ts';
import { logWithMessages } from './log-with-messages.ts';

/** Primes the loaders of the message and tool execution of an event with the rows that all subscriptions share. */
function primePayload(row: ConversationEventRow, context: GraphQLContext): void {
  const payloads = eventPayloadCache(context.database);
  Message.load.prime(context, subjectOf(row, 'messageId'), () => payloads.message(row));
  ToolExecution.load.prime(context, subjectOf(row, 'toolExecutionId'), () => payloads.toolExecution(row));
}

const conversationSubscription = { log: logWithMessages, typename: 'Conversation', access: 'conversation:read' } as const;

logSubscription('conversationEvents', {
  ...conversationSubscription,
  type: ConversationEvent,
  description:
    'Delivers each event of a conversation once and in order. MESSAGE_DELTA events between them deliver the text of a message while a model ' +
    'generates it: at most 20 per second, and only after all earlier events.',
  after:
    'Sequence number of the last event received. The subscription first replays all later events; 0 replays all. Default: new events only.',
  drafts: true,
  resolve: (row, context) => {
    primePayload(row, context);
    return row;
  },
});

logSubscription('messageAppended', {
  ...conversationSubscription,
  type: Message,
  description:
    'Delivers messages that are appended to a conversation after the subscription starts. To resume without loss after a lost connection, use `conversationEvents`.',
  filter: ({ type }) => type === 'MESSAGE_APPENDED',
  resolve: async (row, context) => {
    primePayload(row, context);
    const message = await eventPayloadCache(context.database).message(row);
    if (!message) throw new NotFoundError('The message');
    return message;
  },
});
