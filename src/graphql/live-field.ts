import { GraphQLError } from 'graphql';
import type { Permission } from '../auth/permissions.ts';
import { ForbiddenError } from '../lib/errors.ts';
import { type LogSource, type Numbered, StreamEndedError } from '../live/live.ts';
import type { ReadyIterator } from '../live/ready.ts';
import { type Told, toldToTheEnd } from '../live/told-to-the-end.ts';
import type { GraphQLContext } from './context.ts';
import { signedIn } from './signed-in.ts';

export interface FollowOptions<Row> {
  /** The right it takes. */
  access: Permission;
  /** The UUID of the object whose log is followed. */
  id: string;
  after?: number | undefined;
  /** Whether the text that is being written is told as well. */
  drafts?: boolean;
  /** Which rows to tell. All when nothing is said. */
  keep?: (row: Row) => boolean;
}

/** Follows a log for a subscription field. Throws UnauthenticatedError, ForbiddenError, NotFoundError, and ValidationError. */
export async function follow<Row extends Numbered>(
  context: GraphQLContext,
  source: LogSource<Row>,
  { access, id, after, drafts, keep = () => true }: FollowOptions<Row>,
): Promise<ReadyIterator<Told<Row>>> {
  const viewer = signedIn(context);
  if (!viewer.permissions.has(access)) throw new ForbiddenError(`Your role or API key does not allow ${access}.`);
  const rows = await context.live.follow(source, { viewer, dbContext: context.dbContext, id, after, drafts });
  return toldToTheEnd(rows, keep);
}

/** The row, with loaders that know nothing of the rows before it. Throws what ended the stream. */
export function openRow<Row>({ loaders }: GraphQLContext, told: Told<Row>): Row {
  if ('ended' in told) throw toGraphQL(told.ended);
  loaders.clear();
  return told.row;
}

function toGraphQL(ended: unknown): unknown {
  if (!(ended instanceof StreamEndedError)) return ended;
  return new GraphQLError(ended.message, { extensions: { code: ended.code, after: ended.after } });
}
