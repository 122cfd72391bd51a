import type { InputFieldMap, InputFieldRef } from '@pothos/core';
import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { SchemaTypes } from '../builder.ts';
import { parseId } from '../global-id.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;
type InputFields = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>;

/** The GraphQL types whose ids input fields take. */
const nodeTypes = new WeakMap<object, string>();

export interface NodeIdOptions<Required extends boolean> {
  description: string;
  required?: Required;
  /** A rule over the ids as given, such as how many a list may have. */
  validate?: StandardSchemaV1;
}

type IdRef<Value, Required extends boolean> = InputFieldRef<Types, Required extends true ? Value : Value | null | undefined>;

function register<Ref>(ref: Ref, typename: string): Ref {
  nodeTypes.set(ref as object, typename);
  return ref;
}

/**
 * An input field that takes the id of an object of a type: a global id or a UUID. `mutation()` replaces it by the UUID, and throws
 * ValidationError for an id that is malformed or of another type.
 */
export function nodeId<Required extends boolean = false>(
  t: InputFields,
  typename: string,
  options: NodeIdOptions<Required>,
): IdRef<string, Required> {
  return register(t.id({ ...options, extensions: { node: typename } } as never), typename) as never;
}

/** The same for a list of ids. */
export function nodeIds<Required extends boolean = false>(
  t: InputFields,
  typename: string,
  options: NodeIdOptions<Required>,
): IdRef<readonly string[], Required> {
  return register(t.idList({ ...options, extensions: { node: typename } } as never), typename) as never;
}

/** Input fields that hold ids, by their names, with the type of the object. */
export function nodeIdsOf(fields: InputFieldMap): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(fields).flatMap(([name, ref]): [string, string][] => {
      const typename = nodeTypes.get(ref);
      return typename === undefined ? [] : [[name, typename]];
    }),
  );
}

/** An input with UUIDs in place of the ids it was given. */
export function parseNodeIds(input: Record<string, unknown>, nodes: ReadonlyMap<string, string>): Record<string, unknown> {
  const parsed: Record<string, unknown> = { ...input };
  for (const [name, typename] of nodes) {
    const value = input[name];
    if (value === null || value === undefined) continue;
    parsed[name] = Array.isArray(value)
      ? value.map((id, index) => parseId(typename, String(id), ['input', name, String(index)]))
      : parseId(typename, String(value), ['input', name]);
  }
  return parsed;
}
