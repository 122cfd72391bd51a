import type { ApiKey, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import { newApiKeySecret } from '../../platform/auth/api-key-secret.ts';
import { evictAfterCommit } from '../../platform/auth/auth.ts';
import { permissionsOfScope, type Scope } from '../../platform/auth/permissions.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { ForbiddenError, InvalidStateError, ValidationError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import { requireUser, type TenancyServices } from './services.ts';

/** The hash of a secret is not readable here. */
export type VisibleApiKey = Omit<ApiKey, 'keyHash'>;

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  expiresAt?: Date | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Makes a key that can do no more than its maker, and returns its secret, which is told this once. */
export async function createApiKey(
  { prisma, auth }: TenancyServices,
  viewer: Viewer,
  { name, scopes, expiresAt, metadata }: NewApiKey,
): Promise<{ apiKey: VisibleApiKey; secret: string }> {
  const { userId, tenantId, permissions } = requireUser(viewer);
  if (scopes.length === 0) throw ValidationError.inputPath(['input', 'scopes'], 'A key needs at least one scope.');
  if (expiresAt && expiresAt.getTime() <= Date.now()) {
    throw ValidationError.inputPath(['input', 'expiresAt'], 'The expiry must be in the future.');
  }
  const beyond = scopes.find((scope) => permissionsOfScope(scope).some((permission) => !permissions.has(permission)));
  if (beyond) throw new ForbiddenError(`You cannot give the scope ${beyond}, which goes beyond your own rights.`);
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

/** Ends a key for good. Its open streams end within seconds. */
export async function revokeApiKey({ prisma, auth }: TenancyServices, viewer: Viewer, id: string): Promise<VisibleApiKey> {
  const where = { tenantId: viewer.tenantId, id };
  const { count } = await prisma.apiKey.updateMany({
    where: { ...where, revokedAt: null },
    data: { status: 'REVOKED', revokedAt: new Date() },
  });
  const apiKey = await requireFound(prisma.apiKey.findFirst({ where: { id } }), 'The API key', ['input', 'id']);
  if (count === 0) throw new InvalidStateError('The API key is revoked already.', { path: ['input', 'id'] });
  evictAfterCommit(auth, { apiKeyId: id });
  return apiKey;
}
