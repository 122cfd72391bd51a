import type { MessageRole } from '../../../generated/prisma/enums.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { queryRows, raw, sql } from '../../../platform/postgres/sql.ts';

export interface MessageExcerpt {
  id: string;
  sequence: number;
  role: MessageRole;
  content: string;
  /** Whether the content is only the beginning. */
  cut: boolean;
  model: string | null;
  createdAt: Date;
}

export interface MessageRange {
  conversationId: string;
  /** Only messages with a higher number. */
  after: number;
  first: number;
  /** From the newest back. They come in the order of the conversation all the same. */
  newest?: boolean;
}

/** A message has up to a mebibyte: more than this of one is cut, and of all together left for the next call. */
const MAX_MESSAGE_CHARACTERS = 100_000;
const MAX_TOTAL_CHARACTERS = 200_000;

/** Messages of a conversation, as many as are asked for and fit. The first always comes. */
export function listMessages(
  database: Database,
  { conversationId, after, first, newest = false }: MessageRange,
): Promise<MessageExcerpt[]> {
  const direction = raw(newest ? 'DESC' : 'ASC');
  return queryRows<MessageExcerpt>(
    database,
    sql`SELECT id, sequence, role, left(content, ${MAX_MESSAGE_CHARACTERS}) AS content, length(content) > ${MAX_MESSAGE_CHARACTERS} AS cut, model, created_at
      FROM (SELECT asked.*, least(length(content), ${MAX_MESSAGE_CHARACTERS}) AS own,
            sum(least(length(content), ${MAX_MESSAGE_CHARACTERS})) OVER (ORDER BY sequence ${direction}) AS total
          FROM (SELECT id, sequence, role, content, model, created_at FROM messages
            WHERE conversation_id = ${conversationId}::uuid AND sequence > ${after}::integer
            ORDER BY sequence ${direction} LIMIT ${first}) asked) counted
      WHERE total <= ${MAX_TOTAL_CHARACTERS} OR total = own ORDER BY sequence`,
  );
}
