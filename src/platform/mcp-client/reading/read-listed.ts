import type { Resource, Tool } from '@modelcontextprotocol/sdk/types.js';
import { isObject, type JsonObject, objectOf, stringOf } from './json-values.ts';
import { withoutNullKeywords } from './schema-nulls.ts';

/** What a reader skipped or changed in a list. */
export interface ListProblem {
  /** The item is not in the list. */
  skipped: boolean;
  /** A sentence about the item or the list. */
  reason: string;
}

export type ReadItem<T> = { item: T; repairs: string[] } | { skipped: string };

const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'];

/** Reads a listed tool on its own. Ignores members without use here. */
export function readTool(value: unknown): ReadItem<Tool> {
  if (!isObject(value)) return { skipped: 'it is not an object' };
  const repairs: string[] = [];
  const name = stringOf(value.name);
  if (!name) return { skipped: 'it has no name' };
  const inputSchema = readInputSchema(value.inputSchema, repairs);
  if (!inputSchema) return { skipped: 'its inputSchema is not the schema of an object' };
  const outputSchema = objectOf(value.outputSchema);
  if (value.outputSchema != null && !outputSchema) repairs.push('its outputSchema is not an object and was ignored');
  const annotations = objectOf(value.annotations);
  const hints = annotations && readAnnotations(annotations, repairs);
  return {
    item: {
      name,
      ...textOf(value, 'title', repairs),
      ...textOf(value, 'description', repairs),
      inputSchema: inputSchema as Tool['inputSchema'],
      ...(outputSchema ? { outputSchema: outputSchema as Tool['outputSchema'] } : {}),
      ...(hints ? { annotations: hints } : {}),
    },
    repairs,
  };
}

/** Reads a listed resource on its own. Ignores members without use here. */
export function readResource(value: unknown): ReadItem<Resource> {
  if (!isObject(value)) return { skipped: 'it is not an object' };
  const repairs: string[] = [];
  const uri = stringOf(value.uri);
  if (!uri) return { skipped: 'it has no URI' };
  const texts = ['title', 'description', 'mimeType'].map((member) => textOf(value, member, repairs));
  return { item: Object.assign({ uri, name: stringOf(value.name) || uri }, ...texts), repairs };
}

/** Names an item in a sentence about it. Not shortened, because a part of a secret would not be redacted. */
export function labelOf(value: unknown, position: number): string {
  const name = isObject(value) ? stringOf(value.name) || stringOf(value.uri) : undefined;
  return name ? JSON.stringify(name) : `Number ${position}`;
}

function textOf(value: JsonObject, member: string, repairs: string[]): JsonObject {
  const text = value[member];
  if (typeof text === 'string') return { [member]: text };
  if (text != null) repairs.push(`its ${member} is not a text and was ignored`);
  return {};
}

/** Without a schema, a tool takes any arguments. */
function readInputSchema(value: unknown, repairs: string[]): JsonObject | undefined {
  const schema = value === true || value == null ? {} : objectOf(value);
  if (!schema) return undefined;
  if (value == null) repairs.push('its inputSchema is missing, so that it takes any arguments');
  const { type, properties, required, ...rest } = withoutNullKeywords(schema) as JsonObject;
  if (type != null && type !== 'object' && !(Array.isArray(type) && type.includes('object'))) return undefined;
  const given = readProperties(properties, repairs);
  const names = Array.isArray(required) ? required.filter((name) => typeof name === 'string') : undefined;
  if (required != null && names?.length !== (required as unknown[]).length) {
    repairs.push('its inputSchema has a `required` that is not a list of names and was ignored in part');
  }
  return { type: 'object', ...(given ? { properties: given } : {}), ...(names ? { required: names } : {}), ...rest };
}

function readProperties(value: unknown, repairs: string[]): JsonObject | undefined {
  if (value == null) return undefined;
  const properties = objectOf(value);
  if (!properties) {
    repairs.push('the properties of its inputSchema are not an object and were ignored');
    return undefined;
  }
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      if (isObject(schema) || typeof schema === 'boolean') return [name, schema];
      repairs.push(`the property ${JSON.stringify(name)} of its inputSchema has no schema and takes any value`);
      return [name, {}];
    }),
  );
}

function readAnnotations(annotations: JsonObject, repairs: string[]): JsonObject {
  const hints = HINTS.flatMap((hint): [string, boolean][] => {
    const value = annotations[hint];
    if (typeof value === 'boolean') return [[hint, value]];
    if (value != null) repairs.push(`its ${hint} is not a boolean and was ignored`);
    return [];
  });
  return { ...textOf(annotations, 'title', repairs), ...Object.fromEntries(hints) };
}
