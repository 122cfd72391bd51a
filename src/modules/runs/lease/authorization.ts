import type { AgentRun } from '../../../generated/prisma/client.ts';
import { findDelegatedPermissions } from '../../../platform/auth/credential-lookup.ts';
import type { RunControls } from '../services.ts';

/**
 * The error of a run whose user or API key has lost the permission since the start. Checked before each step, because a run may wait
 * days for an approval.
 */
export async function authorizationLost(
  { database }: Pick<RunControls, 'database'>,
  run: Pick<AgentRun, 'tenantId' | 'userId' | 'apiKeyId'>,
): Promise<{ code: string; message: string } | undefined> {
  if ((await findDelegatedPermissions(database, run)).has('agent:execute')) return undefined;
  return {
    code: 'NOT_ALLOWED',
    message:
      'The user or API key that started the run no longer has the permission agent:execute: the membership or role changed, or the key was revoked.',
  };
}
