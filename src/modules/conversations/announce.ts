import { afterCommit } from '../../db/context.ts';
import type { Live } from '../../live/live.ts';

type Told = { tenantId: string; id: string; lastEventSequence: number };

/** Wakes the live views of a conversation whose change has been committed. */
export function announceConversationNow(live: Live, { tenantId, id, lastEventSequence: sequence }: Told): void {
  live.announce({ topic: 'conversation', tenantId, id, sequence });
}

/** The same once the running transaction has committed. */
export function announceConversation(live: Live, conversation: Told): void {
  afterCommit(() => announceConversationNow(live, conversation));
}
