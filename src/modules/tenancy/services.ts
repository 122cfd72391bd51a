import type { Auth } from '../../platform/auth/auth.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { ForbiddenError } from '../../platform/lib/errors.ts';
import type { Database } from '../../platform/postgres/database.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';

/** The services that this module uses. Functions that write join the caller's transaction. */
export interface TenancyServices {
  database: Database;
  prisma: Prisma;
  auth: Auth;
  tenancyLimits: TenancyLimits;
}

export interface TenancyLimits {
  /** Tenants that a user may own when creating another. */
  tenantsPerUser: number;
}

/** A viewer with an access token, not an API key. */
export type UserViewer = Viewer & { userId: string };

/** Throws ForbiddenError for an API key: it must not change its owner's account, sessions or credentials. */
export function requireUser(viewer: Viewer): UserViewer {
  if (viewer.apiKeyId !== undefined || viewer.userId === undefined) {
    throw new ForbiddenError('API keys cannot do this. Sign in as a user.');
  }
  return { ...viewer, userId: viewer.userId };
}
