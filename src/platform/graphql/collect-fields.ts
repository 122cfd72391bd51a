import { buildSchema, type FieldNode, type GraphQLObjectType, Kind, type OperationDefinitionNode, parse } from 'graphql';
import * as internals from 'graphql/execution/collectFields.js';

type Internals = Pick<typeof internals, 'collectFields' | 'collectSubfields'>;

const ARITIES = { collectFields: 6, collectSubfields: 5 };

/**
 * Throws unless the functions still take (schema, fragments, variables, type, selections, …) and return the merged nodes by response key.
 * They are internal to graphql-js 16; version 17 moves them and changes their signature.
 */
export function verifyCollectFields({ collectFields, collectSubfields }: Internals): void {
  const refuse = (problem: string): never => {
    throw new Error(
      `graphql/execution/collectFields.js has changed: ${problem}. Adapt src/platform/graphql/collect-fields.ts to this version of graphql.`,
    );
  };
  for (const [name, value] of Object.entries({ collectFields, collectSubfields })) {
    const arity = ARITIES[name as keyof Internals];
    if (typeof value !== 'function') refuse(`${name} is missing`);
    if (value.length !== arity) refuse(`${name} takes ${value.length} arguments instead of ${arity}`);
  }
  const schema = buildSchema('type Query { node: Query, name: String }');
  const { definitions } = parse('query ($yes: Boolean!) { a: node { name } a: node { b: name } name @skip(if: $yes) }');
  const operation = definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION) as OperationDefinitionNode;
  const type = schema.getQueryType() as GraphQLObjectType;
  const fields: unknown = collectFields(schema, {}, { yes: true }, type, operation.selectionSet);
  if (!(fields instanceof Map) || [...fields.keys()].join() !== 'a') refuse('collectFields returns something else');
  const nodes = (fields as Map<string, readonly FieldNode[]>).get('a') ?? [];
  const subfields: unknown = nodes.length === 2 ? collectSubfields(schema, {}, {}, type, nodes) : undefined;
  if (!(subfields instanceof Map) || [...subfields.keys()].join() !== 'name,b') refuse('collectSubfields returns something else');
}

verifyCollectFields(internals);

/** The only deep import of graphql in this project. Its shape is verified when this module is loaded. */
export const { collectFields, collectSubfields } = internals;
