import {
  type FieldNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  getNamedType,
  isObjectType,
} from 'graphql';
import type { PageSelection } from '../../postgres/keyset-pagination.ts';
import { collectSubfields } from '../collect-fields.ts';
import type { FieldExtensions } from '../field-extensions.ts';

interface ReadingField extends FieldExtensions {
  pothosExposedField?: string;
}

/**
 * For the `extensions` of a field: the properties of a row that its resolver reads, so that lists and loaders select only those columns.
 * A field without them reads the whole row.
 */
export function dependsOn(...properties: string[]): { [name: string]: unknown; dependsOn: readonly string[] } {
  return { dependsOn: properties };
}

type Info = Pick<GraphQLResolveInfo, 'schema' | 'fragments' | 'variableValues' | 'fieldNodes' | 'returnType'>;
type Fields = ReadonlyMap<string, readonly FieldNode[]>;

function objectOf({ type }: GraphQLField<unknown, unknown>): GraphQLObjectType | undefined {
  const named = getNamedType(type);
  return isObjectType(named) ? named : undefined;
}

/** The properties of a row that the fields read; undefined if they may read any. */
function propertiesOf(type: GraphQLObjectType, fields: Fields): Set<string> | undefined {
  const properties = new Set<string>();
  const isNode = type.getInterfaces().some((one) => one.name === 'Node');
  for (const [node] of fields.values()) {
    const name = node?.name.value ?? '';
    // Global ids derive from ids, which are always selected.
    if (name === '__typename' || (name === 'id' && isNode)) continue;
    const { pothosExposedField, dependsOn: declared } = (type.getFields()[name]?.extensions ?? {}) as ReadingField;
    const all = pothosExposedField !== undefined ? [pothosExposedField] : declared;
    if (!all) return undefined;
    for (const property of all) properties.add(property);
  }
  return properties;
}

/** The selection of a connection field. */
export interface ConnectionSelection extends PageSelection {
  /** Whether it selects the total count. */
  counted: boolean;
}

function select({ schema, fragments, variableValues, fieldNodes, returnType }: Info): ConnectionSelection {
  const below = (
    type: GraphQLObjectType,
    nodes: readonly FieldNode[],
  ): [string, readonly FieldNode[], GraphQLObjectType | undefined][] =>
    [...collectSubfields(schema, fragments, variableValues, type, nodes).values()].map((same) => {
      const name = same[0]?.name.value ?? '';
      const definition = type.getFields()[name];
      return [name, same, definition && objectOf(definition)];
    });
  const connection = getNamedType(returnType) as GraphQLObjectType;
  const rowNodes: FieldNode[] = [];
  let rowType: GraphQLObjectType | undefined;
  let cursors = false;
  let counted = false;
  for (const [name, nodes, type] of below(connection, fieldNodes)) {
    if (name === 'totalCount') counted = true;
    else if (name === 'nodes') {
      rowNodes.push(...nodes);
      rowType = type;
    } else if (type && (name === 'edges' || name === 'pageInfo')) {
      for (const [inner, innerNodes, innerType] of below(type, nodes)) {
        if (inner === 'node') {
          rowNodes.push(...innerNodes);
          rowType = innerType;
        } else if (inner.toLowerCase().endsWith('cursor')) cursors = true;
      }
    }
  }
  const properties = rowType
    ? propertiesOf(rowType, collectSubfields(schema, fragments, variableValues, rowType, rowNodes))
    : new Set<string>();
  return { counted, cursors, properties: properties && [...properties].sort() };
}

const known = new WeakMap<readonly FieldNode[], ConnectionSelection>();

export function selectedConnection(info: Info): ConnectionSelection {
  let selection = known.get(info.fieldNodes);
  if (!selection) {
    selection = select(info);
    known.set(info.fieldNodes, selection);
  }
  return selection;
}

const knownRows = new WeakMap<readonly FieldNode[], Map<string, readonly string[] | undefined>>();

/** The properties that a field selects of a row of a type, in alphabetical order. Undefined if it may read any. */
export function selectedProperties(info: Info, typename: string): readonly string[] | undefined {
  let byType = knownRows.get(info.fieldNodes);
  if (!byType) {
    byType = new Map();
    knownRows.set(info.fieldNodes, byType);
  }
  if (!byType.has(typename)) {
    const { schema, fragments, variableValues, fieldNodes } = info;
    const type = schema.getType(typename);
    const properties = isObjectType(type)
      ? propertiesOf(type, collectSubfields(schema, fragments, variableValues, type, fieldNodes))
      : undefined;
    byType.set(typename, properties && [...properties].sort());
  }
  return byType.get(typename);
}
