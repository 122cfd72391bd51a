import type { Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import { newApiKeySecret } from '../../../platform/auth/api-key-secret.ts';
import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import { permissionsOfScope, type Scope } from '../../../platform/auth/permissions.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { ForbiddenError, InvalidStateError, ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import { requireUser, type TenancyServices } from '../services.ts';

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  expiresAt?: Date | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Creates a key with no permission beyond the viewer's own. The database stores a hash of the secret, not the secret. */
export async function createApiKey(
  { prisma, auth }: TenancyServices,
  viewer: Viewer,
  { name, scopes, expiresAt, metadata }: NewApiKey,
): Promise<{ apiKey: RowOf<'ApiKey'>; secret: string }> {
  const { userId, tenantId, permissions } = requireUser(viewer);
  if (scopes.length === 0) throw ValidationError.inputPath(['input', 'scopes'], 'A key needs at least one scope.');
  if (expiresAt && expiresAt.getTime() <= Date.now()) {
    throw ValidationError.inputPath(['input', 'expiresAt'], 'The expiry time must be in the future.');
  }
  const missing = scopes.find((scope) => permissionsOfScope(scope).some((permission) => !permissions.has(permission)));
  if (missing) throw new ForbiddenError(`You cannot grant the scope ${missing}: you do not have all of its permissions.`);
  const { secret, prefix } = newApiKeySecret();
  const apiKey = await prisma.apiKey.create({
    data: {
      tenantId,
      id: newId(),
      userId,
      name,
      keyHash: auth.hashApiKey(secret),
      keyPrefix: prefix,
      scopes: [...new Set(scopes)],
      expiresAt,
      metadata: metadata as PrismaTypes.InputJsonObject | undefined,
    },
  });
  return { apiKey, secret };
}

/** Revokes a key permanently. Its open streams close within seconds. */
export async function revokeApiKey({ prisma, auth }: TenancyServices, viewer: Viewer, id: string): Promise<RowOf<'ApiKey'>> {
  const { count } = await prisma.apiKey.updateMany({
    where: { tenantId: viewer.tenantId, id, revokedAt: null },
    data: { status: 'REVOKED', revokedAt: new Date() },
  });
  const apiKey = await requireFound(prisma.apiKey.findFirst({ where: { id } }), 'The API key', ['input', 'id']);
  if (count === 0) throw new InvalidStateError('The API key is already revoked.', { path: ['input', 'id'] });
  evictAfterCommit(auth, { apiKeyId: id });
  return apiKey;
}
