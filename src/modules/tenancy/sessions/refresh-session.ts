import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import type { Role } from '../../../platform/auth/permissions.ts';
import { hashSecret } from '../../../platform/auth/secrets.ts';
import { AuthenticationError } from '../../../platform/lib/errors.ts';
import { switchActor, tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { TenancyServices } from '../services.ts';
import { openSession, type SignedIn } from './sessions.ts';

interface RefreshTokenRecord {
  refreshTokenId: string;
  tenantId: string;
  userId: string;
  family: string;
}

interface Access {
  role: Role;
  membershipStatus: string;
  userStatus: string;
  tenantStatus: string;
}

/** Ends the session and returns the error to throw, which commits the revocation. */
async function revokeTokenFamily(
  { database, prisma, auth }: TenancyServices,
  { refreshTokenId, tenantId, userId, family }: RefreshTokenRecord,
  reason: string,
): Promise<AuthenticationError> {
  evictAfterCommit(auth, { tenantId, userId });
  await prisma.refreshToken.updateMany({ where: { tenantId, family, revokedAt: null }, data: { revokedAt: new Date() } });
  await queryRows(database, sql`SELECT app.audit_failure('session.refused', 'session', ${refreshTokenId}::uuid, ${reason})`);
  return new AuthenticationError('TOKEN_INVALID', 'This session has ended. Sign in again.', { commit: true });
}

/**
 * Exchanges a refresh token for new tokens, once. A second use means that the token was stolen or that its response was lost. The server
 * cannot distinguish the two, so it ends the session. Of two concurrent exchanges one succeeds.
 */
export async function refreshSession(services: TenancyServices, refreshToken: string): Promise<SignedIn> {
  const { database, prisma } = services;
  const [record] = await queryRows<RefreshTokenRecord>(
    database,
    sql`SELECT refresh_token_id, tenant_id, user_id, family FROM app.find_refresh_token(${hashSecret(refreshToken)})`,
  );
  if (!record) throw new AuthenticationError('TOKEN_INVALID', 'The refresh token is not valid. Sign in again.');
  const { tenantId, userId, family, refreshTokenId } = record;
  await switchActor({ tenantId, userId, apiKeyId: undefined });

  const [token] = await queryRows<{ rotatedAt: Date | null; revokedAt: Date | null; expiresAt: Date }>(
    database,
    sql`SELECT rotated_at, revoked_at, expires_at FROM refresh_tokens
      WHERE tenant_id = ${tenantId}::uuid AND id = ${refreshTokenId}::uuid FOR UPDATE`,
  );
  if (!token || token.revokedAt) throw new AuthenticationError('TOKEN_INVALID', 'This session has ended. Sign in again.');
  if (token.rotatedAt) throw await revokeTokenFamily(services, record, 'refresh token used twice');
  if (token.expiresAt <= new Date()) {
    throw new AuthenticationError('TOKEN_INVALID', 'The refresh token has expired. Sign in again.');
  }

  const [access] = await queryRows<Access>(
    database,
    sql`SELECT role, membership_status, user_status, tenant_status FROM app.find_membership(${userId}::uuid, ${tenantId}::uuid)`,
  );
  const statuses = [access?.membershipStatus, access?.userStatus, access?.tenantStatus];
  if (!access || statuses.some((status) => status !== 'ACTIVE'))
    throw await revokeTokenFamily(services, record, 'no access any more');

  await prisma.refreshToken.update({ where: tenantKey(refreshTokenId), data: { rotatedAt: new Date() } });
  const tenant = await prisma.tenant.findFirstOrThrow({ where: { id: tenantId } });
  const user = await prisma.user.findFirstOrThrow({ where: { id: userId } });
  return openSession(services, user, tenant, access.role, family);
}
