import { type DbContext, runWithContext } from '../db/context.ts';
import { toDomainError } from '../db/errors.ts';

/** Reads as `context`, whoever happens to ask. Rejects with UnavailableError when the database is away. */
export async function readAs<T>(context: DbContext, read: () => Promise<T>): Promise<T> {
  try {
    return await runWithContext(context, read);
  } catch (error) {
    throw toDomainError(error);
  }
}
