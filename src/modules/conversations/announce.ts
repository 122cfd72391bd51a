import { afterCommit } from '../../db/context.ts';
import type { Conversation } from '../../generated/prisma/client.ts';
import type { ConversationEventRow, Live } from '../../live/live.ts';

type Changed = Pick<Conversation, 'tenantId' | 'id' | 'lastEventSequence'>;

/**
 * Wakes the live views of a conversation, whose change is committed.
 * @param event its last one, where it is known
 */
export function wakeConversation(live: Live, { tenantId, id, lastEventSequence }: Changed, event?: ConversationEventRow): void {
  live.announce({ topic: 'conversation', tenantId, id, sequence: lastEventSequence }, event);
}

/** Wakes the live views of a conversation once the running transaction has committed. */
export function announceConversation(live: Live, conversation: Changed): void {
  afterCommit(() => wakeConversation(live, conversation));
}
