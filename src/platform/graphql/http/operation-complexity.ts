import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  type GraphQLSchema,
  isInputObjectType,
  Kind,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';
import { namedCache } from '../../lib/cache-stats.ts';
import type { GraphQLContext } from '../context.ts';

/** The size of an operation, in the units of `OperationLimits`. */
export interface OperationSize {
  complexity: number;
  depth: number;
  breadth: number;
}

interface Sized {
  schema: GraphQLSchema;
  document: DocumentNode;
  variableValues?: Readonly<Record<string, unknown>> | null | undefined;
  contextValue: GraphQLContext;
}

/** The variables that the size of a document depends on; undefined if its sizes are not cached. */
interface Known {
  /** A number of its own, for keys. */
  number: number;
  variables: readonly string[];
}

const known = new WeakMap<DocumentNode, Known | undefined>();
const sizes = namedCache<string, OperationSize>('operation_sizes', { max: 10_000 });
let documents = 0;

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
}

/** Sizes depend on page sizes and the like, which are integers: of its own variables, or within an input object. */
function knownOf({ schema, document }: Sized): Known | undefined {
  if (known.has(document)) return known.get(document);
  const variables: string[] = [];
  let fixed = true;
  for (const { variable, type } of operationsOf(document)[0]?.variableDefinitions ?? []) {
    let named = type;
    while (named.kind !== Kind.NAMED_TYPE) named = named.type;
    if (named.name.value === 'Int') variables.push(variable.name.value);
    else if (isInputObjectType(typeFromAST(schema, named))) fixed = false;
  }
  const entry = fixed ? { number: ++documents, variables } : undefined;
  known.set(document, entry);
  return entry;
}

/**
 * The size of the first operation of a valid document with valid variables. If it is the only one and within the limits, the context
 * records that, so that no field measures it again.
 */
export function measureOperation(sized: Sized): OperationSize {
  const { schema, document, contextValue } = sized;
  const variables = sized.variableValues ?? {};
  const memory = knownOf(sized);
  const key = memory && `${memory.number} ${memory.variables.map((name) => String(variables[name])).join()}`;
  let size = key === undefined ? undefined : sizes.get(key);
  if (!size) {
    const { complexity, depth, breadth } = complexityFromQuery(document, { schema, variables, ctx: contextValue });
    size = { complexity, depth, breadth };
    if (key !== undefined) sizes.set(key, size);
  }
  const limits = contextValue.operationLimits;
  const within = size.complexity <= limits.complexity && size.depth <= limits.depth && size.breadth <= limits.breadth;
  if (within && operationsOf(document).length === 1) contextValue.sizeChecked = true;
  return size;
}
