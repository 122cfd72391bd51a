import { createHash } from 'node:crypto';
import type { ToolSpec } from '../language/language-model.ts';

type Schema = Record<string, unknown>;

const TYPES = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']);
const MAX_DEPTH = 32;
/** References can repeat a part of a schema without end. */
const MAX_PARTS = 500;
const MAX_PLAIN_DEPTH = 5;

interface Budget {
  left: number;
}

/** Keywords that apply to the whole arguments. Providers accept none of them at the top. */
const COMBINATIONS = ['anyOf', 'oneOf', 'allOf'] as const;
const DROPPED_AT_THE_TOP = [
  '$schema',
  '$id',
  'id',
  '$ref',
  'not',
  'if',
  'then',
  'else',
  'enum',
  'const',
  'nullable',
  ...COMBINATIONS,
];

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A schema of the same arguments, or of more, that providers accept: an object with properties and without combinations at the top, and
 * only keywords of draft 2020-12 with values of the right type. The caller validates arguments against the original.
 */
export function acceptableSchema(original: unknown): Schema {
  const root = isSchema(original) ? original : {};
  const top = flattened(root, root, { left: MAX_PARTS });
  const schema = Object.fromEntries(Object.entries(top).filter(([key]) => !DROPPED_AT_THE_TOP.includes(key)));
  return cleaned({ ...schema, type: 'object', properties: isSchema(schema.properties) ? schema.properties : {} }, 0) as Schema;
}

/** Merges the combinations of an object into its properties. A property is required if every alternative requires it. */
function flattened(schema: Schema, root: Schema, budget: Budget): Schema {
  if (budget.left-- <= 0) return {};
  const base = referenced(schema, root);
  const parts = COMBINATIONS.flatMap((key) => {
    const list = base[key];
    if (!Array.isArray(list)) return [];
    const members = list.filter(isSchema).map((member) => flattened(member, root, budget));
    return members.length > 0 ? [{ all: key === 'allOf', members }] : [];
  });
  if (parts.length === 0) return base;
  const properties: Record<string, unknown[]> = {};
  const add = ({ properties: given }: Schema) => {
    for (const [name, value] of Object.entries(isSchema(given) ? given : {})) {
      const known = Object.hasOwn(properties, name) ? (properties[name] ?? []) : [];
      if (!known.some((other) => JSON.stringify(other) === JSON.stringify(value))) {
        Object.defineProperty(properties, name, { value: [...known, value], enumerable: true, configurable: true });
      }
    }
  };
  const required = new Set(namesOf(base.required));
  add(base);
  for (const { all, members } of parts) {
    for (const member of members) add(member);
    const lists = members.map(({ required: names }) => namesOf(names));
    const shared = all ? lists.flat() : (lists[0] ?? []).filter((name) => lists.every((names) => names.includes(name)));
    for (const name of shared) required.add(name);
  }
  return {
    ...base,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, values]) => [name, values.length === 1 ? values[0] : { anyOf: values }]),
    ),
    required: [...required],
    // Each alternative may have closed itself to the properties of the others.
    additionalProperties: undefined,
  };
}

/** The schema that a local reference at the top names. */
function referenced(schema: Schema, root: Schema): Schema {
  const { $ref, ...rest } = schema;
  if (typeof $ref !== 'string' || !$ref.startsWith('#/')) return schema;
  let target: unknown = root;
  for (const step of $ref.slice(2).split('/').map(unescaped)) {
    target = isSchema(target) && Object.hasOwn(target, step) ? target[step] : undefined;
  }
  if (!isSchema(target) || target === schema) return rest;
  return { ...target, ...rest };
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function namesOf(required: unknown): string[] {
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
}

/** Removes or replaces what no provider accepts, at every depth. */
function cleaned(schema: unknown, depth: number): unknown {
  if (typeof schema === 'boolean' || !isSchema(schema) || depth > MAX_DEPTH) return {};
  const result: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    const kept = keywordOf(key, value, depth);
    if (kept !== undefined)
      Object.defineProperty(result, key, { value: kept, enumerable: true, writable: true, configurable: true });
  }
  const { type } = result;
  const has = (wanted: string) => type === wanted || (Array.isArray(type) && type.includes(wanted));
  if (has('object') && !isSchema(result.properties)) result.properties = {};
  if (has('array') && result.items === undefined) result.items = {};
  if (isSchema(result.properties) && Array.isArray(result.required)) {
    const { properties } = result;
    // Some providers require each name to be described.
    result.required = result.required.filter((name) => Object.hasOwn(properties as Schema, name));
  }
  for (const bound of ['Minimum', 'Maximum']) exclusiveBound(result, `exclusive${bound}`, bound.toLowerCase());
  return result;
}

/** Undefined for a keyword to leave out. */
function keywordOf(key: string, value: unknown, depth: number): unknown {
  switch (key) {
    case 'properties':
    case '$defs':
    case 'definitions':
    case 'patternProperties':
    case 'dependentSchemas':
      if (!isSchema(value)) return undefined;
      return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, cleaned(child, depth + 1)]));
    case 'anyOf':
    case 'oneOf':
    case 'allOf':
    case 'prefixItems':
      if (!Array.isArray(value) || value.length === 0) return undefined;
      return value.map((child) => cleaned(child, depth + 1));
    case 'items':
      // Before draft 2020-12, a list described the items one by one.
      if (Array.isArray(value)) return value.length > 0 ? { anyOf: value.map((child) => cleaned(child, depth + 1)) } : {};
      return cleaned(value, depth + 1);
    case 'not':
    case 'contains':
    case 'propertyNames':
      return isSchema(value) ? cleaned(value, depth + 1) : undefined;
    case 'additionalProperties':
      return typeof value === 'boolean' ? value : isSchema(value) ? cleaned(value, depth + 1) : undefined;
    case 'type': {
      const types = [value].flat().filter((name) => typeof name === 'string' && TYPES.has(name));
      return types.length > 1 ? types : types[0];
    }
    case 'required':
      return Array.isArray(value) ? [...new Set(namesOf(value))] : undefined;
    case 'enum':
      return Array.isArray(value) && value.length > 0 ? value : undefined;
    case 'description':
    case 'title':
    case 'pattern':
    case 'format':
    case '$ref':
      return typeof value === 'string' ? value : undefined;
    case '$schema':
    case '$id':
    case 'id':
      return undefined;
    default:
      return value ?? undefined;
  }
}

/** Draft 4 marks a bound as exclusive with true. */
function exclusiveBound(schema: Schema, exclusive: string, inclusive: string): void {
  if (typeof schema[exclusive] !== 'boolean') return;
  if (schema[exclusive] === true && typeof schema[inclusive] === 'number') {
    schema[exclusive] = schema[inclusive];
    delete schema[inclusive];
  } else {
    delete schema[exclusive];
  }
}

/** The simplest schema of the same properties, for models that refuse the whole one: names, types, descriptions and texts to choose from. */
export function plainSchema(original: unknown): Schema {
  const acceptable = acceptableSchema(original);
  return plain(acceptable, acceptable, 0, { left: MAX_PARTS });
}

function plain(given: unknown, root: Schema, depth: number, budget: Budget): Schema {
  if (!isSchema(given) || depth > MAX_PLAIN_DEPTH || budget.left-- <= 0) return { type: 'string' };
  const alternatives = [given.anyOf, given.oneOf, given.allOf].find(Array.isArray) as unknown[] | undefined;
  const target = referenced(given, root);
  const schema = isSchema(alternatives?.[0]) && target.type === undefined ? { ...alternatives[0], ...target } : target;
  const type = [schema.type].flat().find((name) => typeof name === 'string' && name !== 'null') ?? typeOf(schema);
  const description = typeof schema.description === 'string' ? { description: schema.description } : {};
  if (type === 'object') {
    const properties = Object.entries(isSchema(schema.properties) ? schema.properties : {});
    const required = namesOf(schema.required);
    // Models that need plain schemas refuse objects without properties.
    const kept = properties.flatMap(([name, child]) => {
      const simple = plain(child, root, depth + 1, budget);
      const isEmpty = simple.type === 'object' && Object.keys(simple.properties as object).length === 0;
      return isEmpty && !required.includes(name) ? [] : [[name, simple] as const];
    });
    const names = kept.map(([name]) => name);
    return {
      type,
      ...description,
      properties: Object.fromEntries(kept),
      required: required.filter((name) => names.includes(name)),
    };
  }
  if (type === 'array') return { type, ...description, items: plain(schema.items, root, depth + 1, budget) };
  const options = Array.isArray(schema.enum) && schema.enum.every((option) => typeof option === 'string');
  return { type, ...description, ...(type === 'string' && options ? { enum: schema.enum } : {}) };
}

function typeOf(schema: Schema): string {
  if (isSchema(schema.properties)) return 'object';
  if (schema.items !== undefined) return 'array';
  const values = Array.isArray(schema.enum) ? schema.enum : [schema.const];
  return typeof values[0] === 'number' || typeof values[0] === 'boolean' ? typeof values[0] : 'string';
}

/** Identifies a definition of a tool. */
export function toolKey({ name, description, inputSchema }: ToolSpec): string {
  return `${name} ${createHash('sha256')
    .update(JSON.stringify([description, inputSchema]))
    .digest('base64url')}`;
}
