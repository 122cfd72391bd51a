import { afterCommit } from '../../db/context.ts';
import type { Live } from '../../live/live.ts';

/** Wakes the live views of a conversation once the running transaction has committed. */
export function announceConversation(
  live: Live,
  conversation: { tenantId: string; id: string; lastEventSequence: number },
): void {
  afterCommit(() =>
    live.announce({ tenantId: conversation.tenantId, conversationId: conversation.id, sequence: conversation.lastEventSequence }),
  );
}
