import { type GraphQLFieldConfigMap, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema as ownSchema } from '../../../../src/app/schema.ts';
import type { GraphQLContext } from '../../../../src/platform/graphql/context.ts';
import { executeOperation } from '../../../../src/platform/graphql/executor/execute.ts';
import {
  KNOWN_KEYS,
  KNOWN_PLUGINS,
  planObstaclesOf,
  pothosKeysOf,
  verifyPlanSupport,
} from '../../../../src/platform/graphql/executor/plan-support.ts';
import { serializedData } from '../../../../src/platform/graphql/executor/serialized-result.ts';
import { replayable } from '../../../../src/platform/graphql/field-extensions.ts';
import { builder } from '../../../../src/platform/graphql/kit/builder.ts';
import { createLoaders } from '../../../../src/platform/graphql/loaders.ts';
import { cacheStatsOf } from '../../../../src/platform/lib/cache-stats.ts';
import { ConflictError } from '../../../../src/platform/lib/errors.ts';

type Fields = GraphQLFieldConfigMap<unknown, unknown>;

function schemaOf(fields: Fields): GraphQLSchema {
  return new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) });
}

/** A schema that may have plans. */
function verified(fields: Fields): GraphQLSchema {
  const schema = schemaOf(fields);
  verifyPlanSupport(schema, KNOWN_PLUGINS);
  return schema;
}

/** Executes a document as often as the returned function is called. */
function executor(schema: GraphQLSchema, source: string) {
  const document = parse(source);
  return async (variableValues: Record<string, unknown> = {}) => {
    const contextValue = { viewer: null, loaders: createLoaders() } as unknown as GraphQLContext;
    const result = await executeOperation({ schema, document, contextValue, variableValues });
    return { planned: serializedData(result) !== undefined, data: { ...result.data }, failed: result.errors !== undefined };
  };
}

/** A field that counts its calls and can fail on demand. */
function counter(extensions: Record<string, unknown> = {}) {
  const state = { calls: 0, fails: false };
  const field = {
    type: GraphQLString,
    extensions,
    resolve() {
      state.calls++;
      if (state.fails) throw new ConflictError('It is taken.');
      return 'done';
    },
  };
  return { state, field };
}

describe('replay', () => {
  const fails = {
    type: GraphQLString,
    extensions: replayable,
    resolve: () => Promise.reject(new ConflictError('It is taken.')),
  };

  test('a field without the declaration is executed once, even if the plan of the others would bail out', async () => {
    const { state, field } = counter();
    const answer = await executor(verified({ field, fails }), '{ field fails }')();
    expect(answer).toMatchObject({ planned: false, data: { field: 'done', fails: null }, failed: true });
    expect(state.calls).toBe(1);
  });

  test('a field with the declaration is executed again after its plan bailed out', async () => {
    const { state, field } = counter(replayable);
    await executor(verified({ field, fails }), '{ field fails }')();
    expect(state.calls).toBe(2);
  });

  test('a nested field can declare that it is not replayable', async () => {
    const nested = counter({ replayable: false });
    const Nested = new GraphQLObjectType({ name: 'Nested', fields: { field: nested.field } });
    const parent = { type: new GraphQLNonNull(Nested), extensions: replayable, resolve: () => ({}) };
    await executor(verified({ parent, fails }), '{ parent { field } fails }')();
    expect(nested.state.calls).toBe(1);
  });

  test('every field of Query that this schema does not declare replayable writes or calls another server', () => {
    const fields = Object.values(ownSchema.getQueryType()?.getFields() ?? {});
    const undeclared = fields.filter(({ extensions }) => extensions.replayable !== true).map(({ name }) => name);
    expect(undeclared.sort()).toEqual(['readMcpResource', 'searchKnowledge']);
  });
});

describe('an operation that fails with a domain error', () => {
  test('is executed twice three times in a row, then once, and gets its plan back with its first success', async () => {
    const { state, field } = counter(replayable);
    const execute = executor(verified({ field }), '{ field }');
    state.fails = true;
    const calls: number[] = [];
    for (let time = 0; time < 6; time++) {
      expect(await execute()).toMatchObject({ failed: true, data: { field: null } });
      calls.push(state.calls);
    }
    expect(calls).toEqual([2, 4, 6, 7, 8, 9]);
    state.fails = false;
    expect(await execute()).toMatchObject({ planned: false, failed: false });
    expect(await execute()).toMatchObject({ planned: true, failed: false });
    expect(state.calls).toBe(11);
  });

  test('does not lose its plan while other executions succeed in between', async () => {
    const { state, field } = counter(replayable);
    const execute = executor(verified({ field }), '{ field }');
    for (const fails of [true, true, false, true, true, false]) {
      state.fails = fails;
      await execute();
    }
    expect(state.calls).toBe(10);
    expect(await execute()).toMatchObject({ planned: true });
  });
});

describe('plan support', () => {
  test('the schema has the known plugins, and every known extension key but those of features it does not use', () => {
    expect(planObstaclesOf(ownSchema)).toEqual([]);
    expect([...(builder.options.plugins ?? [])].sort()).toEqual([...KNOWN_PLUGINS].sort());
    expect([...KNOWN_KEYS].filter((key) => !pothosKeysOf(ownSchema).has(key))).toEqual(['pothosItemErrors']);
  });

  test('a schema with an unknown extension key is executed by graphql-js', async () => {
    const { field } = counter({ ...replayable, pothosNewWrapper: true });
    const schema = verified({ field });
    expect(planObstaclesOf(schema)).toEqual(['unknown extension key pothosNewWrapper']);
    expect(await executor(schema, '{ field }')()).toEqual({ planned: false, data: { field: 'done' }, failed: false });
  });

  test.each([
    ['an unknown plugin', [...KNOWN_PLUGINS, 'tracing'], 'unknown plugin tracing'],
    ['a missing plugin', KNOWN_PLUGINS.filter((name) => name !== 'scopeAuth'), 'missing plugin scopeAuth'],
  ])('so is a schema with %s', async (_what, plugins, obstacle) => {
    const schema = schemaOf({ field: counter(replayable).field });
    verifyPlanSupport(schema, plugins);
    expect(planObstaclesOf(schema)).toEqual([obstacle]);
    expect(await executor(schema, '{ field }')()).toMatchObject({ planned: false, failed: false });
  });

  test('a schema that was never verified is executed by graphql-js', async () => {
    expect(await executor(schemaOf({ field: counter(replayable).field }), '{ field }')()).toMatchObject({ planned: false });
  });

  test('a document that was planned for one schema is not executed from that plan for another', async () => {
    const document = parse('{ field }');
    const contextValue = { viewer: null, loaders: createLoaders() } as unknown as GraphQLContext;
    const other = { type: GraphQLString, extensions: replayable, resolve: () => 'other' };
    const schemas = [verified({ field: counter(replayable).field }), verified({ field: other })];
    const results = await Promise.all(
      schemas.map(async (schema) => executeOperation({ schema, document, contextValue, variableValues: {} })),
    );
    expect(results.map(({ data }) => ({ ...data }))).toEqual([{ field: 'done' }, { field: 'other' }]);
  });
});

test('the plans of one operation are an LRU cache whose misses and evictions are counted', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const execute = executor(
    verified({ field: counter(replayable).field }),
    `query (${names.map((name) => `$${name}: Boolean!`).join()}) { ${names.map((name) => `${name}: field @include(if: $${name})`).join(' ')} }`,
  );
  const values = (bits: number) => Object.fromEntries(names.map((name, index) => [name, (bits & (1 << index)) > 0]));
  const { hits, misses, evictions } = { ...cacheStatsOf('graphql_plans') };
  for (let bits = 0; bits < 17; bits++) expect(await execute(values(bits))).toMatchObject({ planned: true });
  await execute(values(16));
  const after = cacheStatsOf('graphql_plans');
  expect([after.hits - hits, after.misses - misses, after.evictions - evictions]).toEqual([1, 17, 1]);
});
