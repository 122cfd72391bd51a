import type { Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import { newApiKeySecret } from '../../../platform/auth/api-key-secret.ts';
import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import { permissionsOfScope, type Scope } from '../../../platform/auth/permissions.ts';
import { requireRights } from '../../../platform/auth/rights.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { InvalidStateError, ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import { rightsOfMember } from '../members/membership.ts';
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
  const { userId, tenantId } = requireUser(viewer);
  if (scopes.length === 0) throw ValidationError.inputPath(['input', 'scopes'], 'A key needs at least one scope.');
  if (expiresAt && expiresAt.getTime() <= Date.now()) {
    throw ValidationError.inputPath(['input', 'expiresAt'], 'The expiry time must be in the future.');
  }
  for (const scope of scopes) requireRights(viewer, { permissions: permissionsOfScope(scope) }, `grant the scope ${scope}`);
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

/** Revokes a key permanently. Its open streams close within seconds. Throws ForbiddenError if the owner has rights that the viewer lacks. */
export async function revokeApiKey(services: TenancyServices, viewer: Viewer, id: string): Promise<RowOf<'ApiKey'>> {
  const { database, prisma, auth } = services;
  const { tenantId } = viewer;
  const read = () => requireFound(prisma.apiKey.findFirst({ where: { id } }), 'The API key', ['input', 'id']);
  const { userId } = await read();
  if (userId !== viewer.userId) requireRights(viewer, await rightsOfMember(database, userId), 'revoke this key');
  const { count } = await prisma.apiKey.updateMany({
    where: { tenantId, id, revokedAt: null },
    data: { status: 'REVOKED', revokedAt: new Date() },
  });
  if (count === 0) throw new InvalidStateError('The API key is already revoked.', { path: ['input', 'id'] });
  evictAfterCommit(auth, { apiKeyId: id });
  return read();
}
