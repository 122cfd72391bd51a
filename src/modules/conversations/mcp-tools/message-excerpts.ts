import type { MessageRole } from '../../../generated/prisma/enums.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { queryRows, raw, sql } from '../../../platform/postgres/sql.ts';

export interface MessageExcerpt {
  id: string;
  sequence: number;
  role: MessageRole;
  content: string;
  /** Whether the content is truncated. */
  cut: boolean;
  model: string | null;
  createdAt: Date;
}

export interface MessageRange {
  conversationId: string;
  /** Only messages with a higher sequence number. */
  after: number;
  first: number;
  /** Selects the newest messages instead of the oldest. The result is in ascending order either way. */
  newest?: boolean;
}

/** A message has up to 1 MiB. These limits truncate one message, and end the result before the message that exceeds the total. */
const MAX_MESSAGE_CHARACTERS = 100_000;
const MAX_TOTAL_CHARACTERS = 200_000;

/** Messages of a conversation, at most `first` and as many as fit the total size; at least one. */
export function listMessages(
  database: Database,
  { conversationId, after, first, newest = false }: MessageRange,
): Promise<MessageExcerpt[]> {
  const direction = raw(newest ? 'DESC' : 'ASC');
  return queryRows<MessageExcerpt>(
    database,
    sql`SELECT id, sequence, role, left(content, ${MAX_MESSAGE_CHARACTERS}) AS content, length(content) > ${MAX_MESSAGE_CHARACTERS} AS cut, model, created_at
      FROM (SELECT selected.*, least(length(content), ${MAX_MESSAGE_CHARACTERS}) AS own,
            sum(least(length(content), ${MAX_MESSAGE_CHARACTERS})) OVER (ORDER BY sequence ${direction}) AS total
          FROM (SELECT id, sequence, role, content, model, created_at FROM messages
            WHERE conversation_id = ${conversationId}::uuid AND sequence > ${after}::integer
            ORDER BY sequence ${direction} LIMIT ${first}) selected) counted
      WHERE total <= ${MAX_TOTAL_CHARACTERS} OR total = own ORDER BY sequence`,
  );
}
