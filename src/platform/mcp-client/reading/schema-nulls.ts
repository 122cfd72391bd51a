import { isObject, type JsonObject } from './json-values.ts';

/** Null is a value of these. */
const VALUES = new Set(['const', 'default']);
const LITERALS = new Set([...VALUES, 'enum', 'examples']);
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
/** A tool with a deeper schema is skipped later. */
const MAX_DEPTH = 64;

/** Removes the keywords of a JSON Schema that are null, which some encoders write for absent ones. A property without a schema takes any value. */
export function withoutNullKeywords(schema: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) return schema;
  if (Array.isArray(schema)) return schema.map((item) => withoutNullKeywords(item, depth + 1));
  if (!isObject(schema)) return schema;
  const keywords = Object.entries(schema).filter(([keyword, value]) => value !== null || VALUES.has(keyword));
  return Object.fromEntries(
    keywords.map(([keyword, value]) => {
      if (LITERALS.has(keyword)) return [keyword, value];
      return [keyword, MAPS.has(keyword) && isObject(value) ? eachSchema(value, depth) : withoutNullKeywords(value, depth + 1)];
    }),
  );
}

function eachSchema(schemas: JsonObject, depth: number): JsonObject {
  const entries = Object.entries(schemas).map(([name, schema]) => [name, withoutNullKeywords(schema ?? {}, depth + 1)]);
  return Object.fromEntries(entries);
}
