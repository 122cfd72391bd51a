import { afterCommit } from '../../db/context.ts';
import type { Live } from '../../live/live.ts';

/** Wakes the live views of a conversation once the running transaction has committed. */
export function announceConversation(
  live: Live,
  conversation: { tenantId: string; id: string; lastEventSequence: number },
): void {
  afterCommit(() =>
    live.announce({
      topic: 'conversation',
      tenantId: conversation.tenantId,
      id: conversation.id,
      sequence: conversation.lastEventSequence,
    }),
  );
}
