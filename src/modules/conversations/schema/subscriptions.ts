import { GraphQLError } from 'graphql';
import { dbContextOf } from '../../../auth/viewer.ts';
import type { Message as MessageRow, ToolExecution as ToolExecutionRow } from '../../../generated/prisma/client.ts';
import { builder } from '../../../graphql/builder.ts';
import type { GraphQLContext } from '../../../graphql/context.ts';
import { uuidOf } from '../../../graphql/global-id.ts';
import { signedIn } from '../../../graphql/signed-in.ts';
import { ForbiddenError, NotFoundError } from '../../../lib/errors.ts';
import { type ConversationEventRow, StreamEndedError } from '../../../live/live.ts';
import { type Told, toldToTheEnd } from '../../../live/told-to-the-end.ts';
import { eventSubjects, subjectOf } from '../event-subjects.ts';
import { findMessages, findToolExecutions } from '../read.ts';
import { ConversationEvent } from './event.ts';
import { Message } from './message.ts';

interface Follow {
  conversationId: string;
  after?: number | undefined;
  keep?: (event: ConversationEventRow) => boolean;
}

/** Throws UnauthenticatedError, ForbiddenError, NotFoundError, and ValidationError. */
async function follow(context: GraphQLContext, { conversationId, after, keep = () => true }: Follow) {
  const viewer = signedIn(context);
  if (!viewer.permissions.has('conversation:read')) {
    throw new ForbiddenError('Your role or API key does not allow reading conversations.');
  }
  const events = await context.live.conversationEvents({
    viewer,
    dbContext: dbContextOf(viewer, context.request),
    conversationId: uuidOf('Conversation', conversationId, ['conversationId']),
    after,
  });
  return toldToTheEnd(events, keep);
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

/** The event, with loaders that know nothing of the events before it. Throws what ended the stream. */
function openEvent(context: GraphQLContext, told: Told<ConversationEventRow>): ConversationEventRow {
  if ('ended' in told) throw toGraphQL(told.ended);
  const { row } = told;
  const { loaders, prisma } = context;
  const subjects = eventSubjects(prisma);
  loaders.clear();
  loaders.get(
    'byId:Message',
    batchAround(
      subjectOf(row, 'messageId'),
      () => subjects.message(row),
      (ids) => findMessages(prisma, ids),
    ),
  );
  loaders.get(
    'byId:ToolExecution',
    batchAround(
      subjectOf(row, 'toolExecutionId'),
      () => subjects.toolExecution(row),
      (ids) => findToolExecutions(prisma, ids),
    ),
  );
  return row;
}

function toGraphQL(ended: unknown): unknown {
  if (!(ended instanceof StreamEndedError)) return ended;
  return new GraphQLError(ended.message, { extensions: { code: ended.code, after: ended.after } });
}

const CUT_OFF =
  'Ends with an error whose `extensions.code` is UNAUTHENTICATED, FORBIDDEN, SLOW_CONSUMER or SERVER_SHUTDOWN ' +
  'and whose `extensions.after` is the number to come back with.';

builder.subscriptionField('conversationEvents', (t) =>
  t.field({
    type: ConversationEvent,
    description: `What happens in a conversation, as it happens, each event once and in order. ${CUT_OFF}`,
    authScopes: { permission: 'conversation:read' },
    args: {
      conversationId: t.arg.id({ required: true, description: "The conversation's `id` or `uuid`." }),
      after: t.arg.int({
        description:
          'First tells again every event after this number: 0 for all, or the last one seen. Without it, only new ones.',
      }),
    },
    subscribe: (_root, { conversationId, after }, context) => follow(context, { conversationId, after: after ?? undefined }),
    resolve: (told, _args, context) => openEvent(context, told),
  }),
);

builder.subscriptionField('messageAppended', (t) =>
  t.field({
    type: Message,
    description: `The messages of a conversation from now on. To miss none after a broken connection, use \`conversationEvents\`. ${CUT_OFF}`,
    authScopes: { permission: 'conversation:read' },
    args: { conversationId: t.arg.id({ required: true, description: "The conversation's `id` or `uuid`." }) },
    subscribe: (_root, { conversationId }, context) =>
      follow(context, { conversationId, keep: ({ type }) => type === 'MESSAGE_APPENDED' }),
    resolve: async (told, _args, context) => {
      const message = await eventSubjects(context.prisma).message(openEvent(context, told));
      if (!message) throw new NotFoundError('The message');
      return message;
    },
  }),
);
