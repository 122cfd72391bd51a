import { ValidationError } from '../../../platform/lib/errors.ts';
import type { JsonSchema } from '../json-schema/json-schema.ts';
import type { SecretMap } from './secrets.ts';

/** Values by name to set; null takes one away. What is not named stays. */
export type SecretChanges = Record<string, string | null>;

const MAX_NAMES = 50;
const MAX_VALUE = 8_192;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** What HTTP lets a header hold, without what would end it. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/** Headers that are the protocol's own. */
const OWN_HEADERS =
  /^(accept|connection|content-.*|expect|host|keep-alive|last-event-id|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

/** The names of the environment variables that tenants may set, as `x-env` of a `configSchema` lists them. Undefined for nonsense. */
export function envNamesOf(schema: JsonSchema): string[] | undefined {
  const names = schema['x-env'] ?? [];
  const areNames = Array.isArray(names) && names.every((name) => typeof name === 'string' && ENV_NAME.test(name));
  return areNames && names.length <= MAX_NAMES ? names : undefined;
}

/** Throws ValidationError, which says nothing of the values. */
export function checkHeaders(changes: SecretChanges, path: string[]): void {
  for (const [name, value] of Object.entries(changes)) {
    if (!HEADER_NAME.test(name)) throw ValidationError.inputPath([...path, name.slice(0, 100)], 'This is no name of a header.');
    if (OWN_HEADERS.test(name)) throw ValidationError.inputPath([...path, name], 'This header belongs to the protocol.');
    if (value !== null && !(checkedText(value, [...path, name]) && HEADER_VALUE.test(value) && value.trim() === value)) {
      throw ValidationError.inputPath([...path, name], 'The value has characters that a header cannot hold.');
    }
  }
}

/** Throws ValidationError for names the platform did not open: some would make the program do anything at all. */
export function checkEnv(changes: SecretChanges, schema: JsonSchema, path: string[]): void {
  const opened = envNamesOf(schema) ?? [];
  for (const [name, value] of Object.entries(changes)) {
    const at = [...path, name.slice(0, 100)];
    if (value === null) continue;
    if (!opened.includes(name)) throw ValidationError.inputPath(at, 'The server does not take this environment variable.');
    if (checkedText(value, at).includes('\0'))
      throw ValidationError.inputPath(at, 'The value has a character that cannot be used.');
  }
}

function checkedText(value: unknown, path: string[]): string {
  if (typeof value !== 'string' || value === '')
    throw ValidationError.inputPath(path, 'Must be a text, or null to take it away.');
  if (value.length > MAX_VALUE) throw ValidationError.inputPath(path, `Must have at most ${MAX_VALUE} characters.`);
  if (!value.isWellFormed()) throw ValidationError.inputPath(path, 'The value has a character that cannot be used.');
  return value;
}

/** What is there after the changes. Names of headers are the same in any case. Throws ValidationError. */
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
