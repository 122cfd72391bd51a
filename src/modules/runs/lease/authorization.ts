import type { AgentRun } from '../../../generated/prisma/client.ts';
import { findDelegatedPermissions } from '../../../platform/auth/credential-lookup.ts';
import type { RunControls } from '../services.ts';

/**
 * Why a run may not go on although it was allowed to start: its member or API key has lost the right. Checked before every step, for a
 * run may wait days for an approval.
 */
export async function authorizationLost(
  { database }: Pick<RunControls, 'database'>,
  run: Pick<AgentRun, 'tenantId' | 'userId' | 'apiKeyId'>,
): Promise<{ code: string; message: string } | undefined> {
  if ((await findDelegatedPermissions(database, run)).has('agent:execute')) return undefined;
  return {
    code: 'NOT_ALLOWED',
    message: 'Whoever asked for the run may not do so any more: they have left or lost the right, or their API key was revoked.',
  };
}
