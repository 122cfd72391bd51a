import type { Auth } from '../../auth/auth.ts';
import type { Viewer } from '../../auth/viewer.ts';
import type { Database } from '../../db/database.ts';
import type { Prisma } from '../../db/prisma.ts';
import { ForbiddenError } from '../../lib/errors.ts';

/** What the functions of this module work with. Those that write run inside the caller's transaction. */
export interface TenancyServices {
  database: Database;
  prisma: Prisma;
  auth: Auth;
}

/** A viewer who is a person, not an API key. */
export type Person = Viewer & { userId: string };

/** What is about oneself is not for API keys, whose owner need not know of each call. */
export function requirePerson(viewer: Viewer): Person {
  if (viewer.apiKeyId !== undefined || viewer.userId === undefined) {
    throw new ForbiddenError('API keys cannot do this: sign in as a person.');
  }
  return { ...viewer, userId: viewer.userId };
}
