import { ValidationError } from '../../lib/errors.ts';
import { isUuid } from '../../lib/ids.ts';
import { withArticle } from './entity/nouns.ts';

/** Global ids are `Type:uuid` in base64url. They are opaque to clients and contain no tenant. */
export function encodeGlobalId(typename: string, uuid: string): string {
  return Buffer.from(`${typename}:${uuid}`).toString('base64url');
}

/** Longer than any id. */
const MAX_CHARACTERS = 200;

/** Throws ValidationError for anything but a global id. */
export function decodeGlobalId(globalId: string, path: string[] = ['id']): { typename: string; uuid: string } {
  const decoded = Buffer.from(globalId.slice(0, MAX_CHARACTERS), 'base64url').toString('utf8');
  const [typename = '', uuid = '', ...rest] = decoded.split(':');
  if (globalId.length > MAX_CHARACTERS || rest.length > 0 || !/^[A-Z][A-Za-z]{0,63}$/.test(typename) || !isUuid(uuid)) {
    throw ValidationError.inputPath(path, 'This is not an id. Ids come from the `id` fields of objects.');
  }
  return { typename, uuid: uuid.toLowerCase() };
}

/**
 * The UUID behind an id of one type. A plain UUID, as in the `uuid` fields, is valid too.
 * Throws ValidationError for ids of other types.
 */
export function parseId(typename: string, id: string, path: string[] = ['id']): string {
  if (isUuid(id)) return id.toLowerCase();
  const decoded = decodeGlobalId(id, path);
  if (decoded.typename !== typename) {
    throw ValidationError.inputPath(path, `This is the id of ${withArticle(decoded.typename)}, not of ${withArticle(typename)}.`);
  }
  return decoded.uuid;
}
