import type { ObjectRef } from '@pothos/core';
import { GraphQLError } from 'graphql';
import type { Permission } from '../../auth/permissions.ts';
import { ForbiddenError } from '../../lib/errors.ts';
import type { BufferedIterator, StreamItem } from '../../live/buffered-iterator.ts';
import type { ChangeLog, Sequenced } from '../../live/change-log.ts';
import { StreamEndedError } from '../../live/stream-ended-error.ts';
import type { GraphQLContext } from '../context.ts';
import { replayable } from '../field-extensions.ts';
import { requireViewer } from '../viewer.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { parseId } from './global-id.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

interface LogSubscriptionFields<Row extends Sequenced, Node> {
  log: ChangeLog<Row>;
  type: ObjectRef<Types, Node>;
  /** Without the sentence on how the subscription ends, which is appended. */
  description: string;
  access: Permission;
  /** The type of the object whose log it is. */
  typename: string;
  /** The argument that takes its id. @default the type in camel case, with `Id` */
  argument?: string;
  /** What to do after the end, after a semicolon. @default subscribing again with the number of the last event */
  afterEnd?: string;
  /** The description of the argument `after`, for a log that can be read from any number. Without it, there is no such argument. */
  after?: string;
  /** Whether to deliver unfinished texts as well. */
  drafts?: boolean;
  /** Selects the rows to deliver. @default all */
  filter?: (row: Row) => boolean;
}

/** The node of a row: the row itself, unless `resolve` returns another object. */
export type LogSubscriptionOptions<Row extends Sequenced, Node> = LogSubscriptionFields<Row, Node> &
  (Row extends Node
    ? { resolve?: (row: Row, context: GraphQLContext) => Node | Promise<Node> }
    : { resolve: (row: Row, context: GraphQLContext) => Node | Promise<Node> });

interface LogArguments {
  after?: number | null;
  [id: string]: unknown;
}

const ENDS = 'Ends with an error whose `extensions.code` is UNAUTHENTICATED, FORBIDDEN, SLOW_CONSUMER or SERVER_SHUTDOWN';
const RESUME = ' and whose `extensions.after` is the sequence number to resume from';

/** `name(<object>Id: ID!, after: Int): Type` on Subscription, which delivers the rows of a log. */
export function logSubscription<Row extends Sequenced, Node>(name: string, options: LogSubscriptionOptions<Row, Node>): void {
  const { log, type, description, access, typename, afterEnd, after: afterDescription } = options;
  const { resolve = (row: Row) => row } = options as { resolve?: (row: Row, context: GraphQLContext) => unknown };
  const argument = options.argument ?? `${typename.charAt(0).toLowerCase()}${typename.slice(1)}Id`;
  builder.subscriptionField(name, (t) =>
    t.field({
      type: type as never,
      description: `${description} ${ENDS}${afterEnd === undefined ? RESUME : `; ${afterEnd}`}.`,
      authScopes: { permission: access },
      extensions: replayable,
      args: {
        [argument]: t.arg.id({ required: true, description: `${log.subject}'s \`id\` or \`uuid\`.` }),
        ...(afterDescription === undefined ? {} : { after: t.arg.int({ description: afterDescription }) }),
      },
      subscribe: ((_root: unknown, { after, [argument]: id }: LogArguments, context: GraphQLContext) =>
        subscribeToLog(context, options, parseId(typename, String(id), [argument]), after ?? undefined)) as never,
      resolve: ((item: StreamItem<Row>, _args: unknown, context: GraphQLContext) =>
        resolve(unwrapItem(context, item), context)) as never,
    }),
  );
}

/** Throws UnauthenticatedError, ForbiddenError, NotFoundError, and ValidationError. */
async function subscribeToLog<Row extends Sequenced>(
  context: GraphQLContext,
  { log, access, drafts, filter }: Pick<LogSubscriptionFields<Row, unknown>, 'log' | 'access' | 'drafts' | 'filter'>,
  id: string,
  after: number | undefined,
): Promise<BufferedIterator<StreamItem<Row>>> {
  const viewer = requireViewer(context);
  if (!viewer.permissions.has(access)) throw new ForbiddenError(`Your role or API key does not allow ${access}.`);
  const rows = await context.live.subscribe(log, { viewer, dbContext: context.dbContext, id, after, drafts });
  return (filter ? rows.filter(filter) : rows).materializeErrors();
}

/** The row, with loaders that have cached nothing before it. Throws the error that ended the stream. */
function unwrapItem<Row>({ loaders }: GraphQLContext, item: StreamItem<Row>): Row {
  if ('ended' in item) throw toGraphQL(item.ended);
  loaders.clear();
  return item.row;
}

function toGraphQL(ended: unknown): unknown {
  if (!(ended instanceof StreamEndedError)) return ended;
  return new GraphQLError(ended.message, { extensions: { code: ended.code, after: ended.after } });
}
