import {
  execute,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSchema,
  GraphQLString,
  parse,
} from 'graphql';
import { expect, test } from 'vitest';
import type { GraphQLContext } from '../../../../src/platform/graphql/context.ts';
import { executeOperation } from '../../../../src/platform/graphql/executor/execute.ts';
import { KNOWN_PLUGINS, verifyPlanSupport } from '../../../../src/platform/graphql/executor/plan-support.ts';
import { serializedData } from '../../../../src/platform/graphql/executor/serialized-result.ts';
import { createLoaders } from '../../../../src/platform/graphql/loaders.ts';

test('resolvers and resolveType receive the same info from a plan as from graphql-js', async () => {
  const infos: GraphQLResolveInfo[] = [];
  const Pet = new GraphQLInterfaceType({
    name: 'Pet',
    fields: { name: { type: GraphQLString } },
    resolveType(_value, _context, info) {
      infos.push(info);
      return 'Cat';
    },
  });
  const name = {
    type: GraphQLString,
    resolve(_source: unknown, _args: object, _context: unknown, info: GraphQLResolveInfo) {
      infos.push(info);
      return 'Tom';
    },
  };
  const Cat = new GraphQLObjectType({ name: 'Cat', interfaces: [Pet], fields: { name } });
  const pets = {
    type: new GraphQLNonNull(new GraphQLList(Pet)),
    args: { first: { type: GraphQLString } },
    extensions: { replayable: true },
    resolve: () => [{}, {}],
  };
  const schema = new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields: { pets } }), types: [Cat] });
  verifyPlanSupport(schema, KNOWN_PLUGINS);
  const document = parse(
    'query Q($first: String) { all: pets(first: $first) { ... on Cat { called: name ...F } } } fragment F on Cat { name }',
  );
  const contextValue = { viewer: null, loaders: createLoaders() } as unknown as GraphQLContext;
  const execution = { schema, document, contextValue, variableValues: { first: 'x' }, rootValue: { root: true } };

  const planned = await executeOperation(execution);
  expect(JSON.parse(serializedData(planned) ?? '')).toEqual({
    all: [
      { called: 'Tom', name: 'Tom' },
      { called: 'Tom', name: 'Tom' },
    ],
  });
  const byPlan = infos.splice(0);
  await execute(execution);
  expect(byPlan).toHaveLength(6);
  expect(byPlan).toEqual(infos);
});
