import type { Message as MessageRow, ToolExecution as ToolExecutionRow } from '../../../generated/prisma/client.ts';
import { builder } from '../../../graphql/builder.ts';
import type { GraphQLContext } from '../../../graphql/context.ts';
import { replayable } from '../../../graphql/field-extensions.ts';
import { uuidOf } from '../../../graphql/global-id.ts';
import { type FollowOptions, follow, openRow } from '../../../graphql/live-field.ts';
import { NotFoundError } from '../../../lib/errors.ts';
import type { ConversationEventRow } from '../../../live/live.ts';
import type { Told } from '../../../live/told-to-the-end.ts';
import { eventSubjects, subjectOf } from '../event-subjects.ts';
import { findMessages, findToolExecutions } from '../read.ts';
import { watchedLog } from '../watched-log.ts';
import { ConversationEvent } from './event.ts';
import { Message } from './message.ts';

function followConversation(
  context: GraphQLContext,
  conversationId: string,
  options: Pick<FollowOptions<ConversationEventRow>, 'after' | 'drafts' | 'keep'>,
) {
  const id = uuidOf('Conversation', conversationId, ['conversationId']);
  return follow(context, watchedLog, { access: 'conversation:read', id, ...options });
}

/**
 * One batch of ids, where the event's own subject comes from the rows that all live views share.
 * @param find reads the others
 */
function batchAround<Row extends MessageRow | ToolExecutionRow>(
  own: string | undefined,
  shared: () => Promise<Row | null>,
  find: (ids: string[]) => Promise<Row[]>,
) {
  return async (ids: readonly string[]): Promise<(Row | null)[]> => {
    const others = ids.filter((id) => id !== own);
    const [subject, found] = await Promise.all([
      others.length < ids.length ? shared() : null,
      others.length > 0 ? find(others) : [],
    ]);
    const byId = new Map(found.map((row) => [row.id, row]));
    return ids.map((id) => (id === own ? subject : (byId.get(id) ?? null)));
  };
}

/** The event, whose subject comes from the rows that all live views share. Throws what ended the stream. */
function openEvent(context: GraphQLContext, told: Told<ConversationEventRow>): ConversationEventRow {
  const row = openRow(context, told);
  const { loaders, database } = context;
  const subjects = eventSubjects(database);
  loaders.get(
    'byId:Message',
    batchAround(
      subjectOf(row, 'messageId'),
      () => subjects.message(row),
      (ids) => findMessages(database, ids),
    ),
  );
  loaders.get(
    'byId:ToolExecution',
    batchAround(
      subjectOf(row, 'toolExecutionId'),
      () => subjects.toolExecution(row),
      (ids) => findToolExecutions(database, ids),
    ),
  );
  return row;
}

const CUT_OFF =
  'Ends with an error whose `extensions.code` is UNAUTHENTICATED, FORBIDDEN, SLOW_CONSUMER or SERVER_SHUTDOWN ' +
  'and whose `extensions.after` is the number to come back with.';

builder.subscriptionField('conversationEvents', (t) =>
  t.field({
    type: ConversationEvent,
    description:
      'What happens in a conversation, as it happens, each event once and in order. Between them comes the text of an answer while it is ' +
      `being written, as MESSAGE_DELTA events: at most 20 a second, and none before all events so far were told. ${CUT_OFF}`,
    authScopes: { permission: 'conversation:read' },
    extensions: replayable,
    args: {
      conversationId: t.arg.id({ required: true, description: "The conversation's `id` or `uuid`." }),
      after: t.arg.int({
        description:
          'First tells again every event after this number: 0 for all, or the last one seen. Without it, only new ones.',
      }),
    },
    subscribe: (_root, { conversationId, after }, context) =>
      followConversation(context, conversationId, { after: after ?? undefined, drafts: true }),
    resolve: (told, _args, context) => openEvent(context, told),
  }),
);

builder.subscriptionField('messageAppended', (t) =>
  t.field({
    type: Message,
    description: `The messages of a conversation from now on. To miss none after a broken connection, use \`conversationEvents\`. ${CUT_OFF}`,
    authScopes: { permission: 'conversation:read' },
    extensions: replayable,
    args: { conversationId: t.arg.id({ required: true, description: "The conversation's `id` or `uuid`." }) },
    subscribe: (_root, { conversationId }, context) =>
      followConversation(context, conversationId, { keep: ({ type }) => type === 'MESSAGE_APPENDED' }),
    resolve: async (told, _args, context) => {
      const message = await eventSubjects(context.database).message(openEvent(context, told));
      if (!message) throw new NotFoundError('The message');
      return message;
    },
  }),
);
