import type { Auth } from '../../platform/auth/auth.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { ForbiddenError } from '../../platform/lib/errors.ts';
import type { Database } from '../../platform/postgres/database.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';

/** What the functions of this module work with. Those that write run inside the caller's transaction. */
export interface TenancyServices {
  database: Database;
  prisma: Prisma;
  auth: Auth;
}

/** A viewer who is a person, not an API key. */
export type UserViewer = Viewer & { userId: string };

/** What is about oneself is not for API keys, whose owner need not know of each call. */
export function requireUser(viewer: Viewer): UserViewer {
  if (viewer.apiKeyId !== undefined || viewer.userId === undefined) {
    throw new ForbiddenError('API keys cannot do this: sign in as a person.');
  }
  return { ...viewer, userId: viewer.userId };
}
