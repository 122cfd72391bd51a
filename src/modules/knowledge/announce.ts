import { afterCommit } from '../../db/context.ts';
import type { Live } from '../../live/live.ts';

/** Wakes the live views of a collection once the running transaction has committed. */
export function announceCollection(
  live: Live,
  collection: { tenantId: string; id: string; changeSequence: bigint | number },
): void {
  const { tenantId, id, changeSequence } = collection;
  afterCommit(() => live.announce({ topic: 'collection', tenantId, id, sequence: Number(changeSequence) }));
}
