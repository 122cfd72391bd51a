import type { AgentRun } from '../../../generated/prisma/client.ts';
import { findDelegator } from '../../../platform/auth/credential-lookup.ts';
import type { RightsHolder } from '../../../platform/auth/rights.ts';
import type { RunControls } from '../services.ts';

/**
 * The current rights of the user or API key that started a run, without which it must not continue. Read before each step, because a run
 * may wait days for an approval. Undefined if the permission to execute agents is lost.
 */
export async function findStarter(
  { database }: Pick<RunControls, 'database'>,
  run: Pick<AgentRun, 'tenantId' | 'userId' | 'apiKeyId'>,
): Promise<RightsHolder | undefined> {
  const starter = await findDelegator(database, run);
  return starter?.permissions.has('agent:execute') ? starter : undefined;
}

export const AUTHORIZATION_LOST = {
  code: 'NOT_ALLOWED',
  message:
    'The user or API key that started the run no longer has the permission agent:execute: the membership or role changed, or the key was revoked.',
};
