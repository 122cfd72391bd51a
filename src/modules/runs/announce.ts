import { afterCommit } from '../../db/context.ts';
import type { Live } from '../../live/live.ts';

/** Wakes the live views of a run, and the worker that does it, once the running transaction has committed. */
export function announceRun(
  live: Pick<Live, 'announce'>,
  { tenantId, id, changeSequence }: { tenantId: string; id: string; changeSequence: number },
): void {
  afterCommit(() => live.announce({ topic: 'run', tenantId, id, sequence: changeSequence }));
}
