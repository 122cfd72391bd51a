import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  type GraphQLSchema,
  isInputObjectType,
  Kind,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';
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

/** Sizes of one document by the variables they depend on; undefined if they are not cached. */
interface Known {
  numbers: readonly string[];
  sizes: Map<string, OperationSize>;
}

const MAX_SIZES = 100;
const known = new WeakMap<DocumentNode, Known | undefined>();

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
}

/** Sizes depend on page sizes and the like, which are integers: of its own variables, or within an input object. */
function knownOf({ schema, document }: Sized): Known | undefined {
  if (known.has(document)) return known.get(document);
  const numbers: string[] = [];
  let fixed = true;
  for (const { variable, type } of operationsOf(document)[0]?.variableDefinitions ?? []) {
    let named = type;
    while (named.kind !== Kind.NAMED_TYPE) named = named.type;
    if (named.name.value === 'Int') numbers.push(variable.name.value);
    else if (isInputObjectType(typeFromAST(schema, named))) fixed = false;
  }
  const entry = fixed ? { numbers, sizes: new Map<string, OperationSize>() } : undefined;
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
  const key = memory?.numbers.map((name) => String(variables[name])).join() ?? '';
  let size = memory?.sizes.get(key);
  if (!size) {
    const { complexity, depth, breadth } = complexityFromQuery(document, { schema, variables, ctx: contextValue });
    size = { complexity, depth, breadth };
    if (memory && memory.sizes.size < MAX_SIZES) memory.sizes.set(key, size);
  }
  const limits = contextValue.operationLimits;
  const within = size.complexity <= limits.complexity && size.depth <= limits.depth && size.breadth <= limits.breadth;
  if (within && operationsOf(document).length === 1) contextValue.sizeChecked = true;
  return size;
}
