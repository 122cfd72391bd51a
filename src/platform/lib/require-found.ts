import { NotFoundError } from './errors.ts';

/**
 * Returns the object of a lookup. Throws NotFoundError if the lookup returns none.
 * @param subject the object in the message of the error, such as `The agent`
 * @param path the input that names the object
 */
export async function requireFound<T>(found: PromiseLike<T | null | undefined>, subject: string, path?: string[]): Promise<T> {
  const object = await found;
  if (object == null) throw new NotFoundError(subject, path && { path });
  return object;
}
