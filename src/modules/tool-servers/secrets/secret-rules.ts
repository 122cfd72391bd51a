import { ValidationError } from '../../../platform/lib/errors.ts';
import type { JsonSchema } from '../json-schema/json-schema.ts';
import type { SecretMap } from './secrets.ts';

/** Values to set by name. Null removes a value. Omitted names are not changed. */
export type SecretChanges = Record<string, string | null>;

const MAX_NAMES = 50;
const MAX_VALUE = 8_192;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Characters that a header value may contain. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/** Headers that the protocol sets. */
const OWN_HEADERS =
  /^(accept|connection|content-.*|expect|host|keep-alive|last-event-id|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

/** The names of the environment variables that tenants may set, as `x-env` of a `configSchema` lists them. Undefined if the list is invalid. */
export function envNamesOf(schema: JsonSchema): string[] | undefined {
  const names = schema['x-env'] ?? [];
  const areNames = Array.isArray(names) && names.every((name) => typeof name === 'string' && ENV_NAME.test(name));
  return areNames && names.length <= MAX_NAMES ? names : undefined;
}

/** Throws ValidationError. Its message contains no values. */
export function checkHeaders(changes: SecretChanges, path: string[]): void {
  for (const [name, value] of Object.entries(changes)) {
    if (!HEADER_NAME.test(name)) throw ValidationError.inputPath([...path, name.slice(0, 100)], 'Is not a valid header name.');
    if (OWN_HEADERS.test(name)) throw ValidationError.inputPath([...path, name], 'Is a header that the protocol sets.');
    if (value !== null && !(checkedText(value, [...path, name]) && HEADER_VALUE.test(value) && value.trim() === value)) {
      throw ValidationError.inputPath([...path, name], 'The value contains characters that a header cannot contain.');
    }
  }
}

/** Throws ValidationError for names that `x-env` does not list, since some variables let the program execute arbitrary code. */
export function checkEnv(changes: SecretChanges, schema: JsonSchema, path: string[]): void {
  const opened = envNamesOf(schema) ?? [];
  for (const [name, value] of Object.entries(changes)) {
    const at = [...path, name.slice(0, 100)];
    if (value === null) continue;
    if (!opened.includes(name))
      throw ValidationError.inputPath(at, 'The `x-env` of the server does not list this environment variable.');
    if (checkedText(value, at).includes('\0')) throw ValidationError.inputPath(at, 'The value contains an invalid character.');
  }
}

function checkedText(value: unknown, path: string[]): string {
  if (typeof value !== 'string' || value === '')
    throw ValidationError.inputPath(path, 'Must be a non-empty string, or null to remove it.');
  if (value.length > MAX_VALUE) throw ValidationError.inputPath(path, `Must have at most ${MAX_VALUE} characters.`);
  if (!value.isWellFormed()) throw ValidationError.inputPath(path, 'The value contains an invalid character.');
  return value;
}

/** Applies changes to the stored values. Throws ValidationError. @param options.anyCase whether names are case-insensitive, like headers */
export function mergeSecrets(now: SecretMap, changes: SecretChanges, { anyCase, path }: { anyCase: boolean; path: string[] }) {
  const keyOf = (name: string) => (anyCase ? name.toLowerCase() : name);
  const merged = new Map(Object.entries(now).map(([name, value]) => [keyOf(name), [name, value] as const]));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) merged.delete(keyOf(name));
    else merged.set(keyOf(name), [name, value]);
  }
  if (merged.size > MAX_NAMES) throw ValidationError.inputPath(path, `Must have at most ${MAX_NAMES} names.`);
  return Object.fromEntries(merged.values());
}
