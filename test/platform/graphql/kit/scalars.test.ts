import { isScalarType, parseValue, valueFromAST } from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../../../src/app/schema.ts';
import { type TestGraph, testGraph } from '../../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant } from '../../../testkit/tenants.ts';

const custom = Object.values(schema.getTypeMap()).filter(
  (type) => isScalarType(type) && !['Int', 'Float', 'String', 'Boolean', 'ID', 'File'].includes(type.name),
);

const values = [
  '1.5',
  '"1e3"',
  '[5]',
  '-0.5',
  '-1',
  '1e3',
  '1.0',
  '0',
  '"5"',
  '""',
  'true',
  '{}',
  '[]',
  '{a: [1, {b: null}]}',
  '9007199254740991',
  '9007199254740993',
  '"9007199254740993"',
  '"9223372036854775807"',
  '"9223372036854775808"',
  '"-9223372036854775808"',
  '"0x10"',
  '" 5 "',
  '"2026"',
  '"2026-01-31"',
  '"2026-01-31T12:00:00Z"',
  '"2026-02-30T00:00:00Z"',
  '"2026-01-31T12:00:00"',
  '1577836800000',
  '"0000-01-01T00:00:00Z"',
  '"9999-12-31T23:59:59+02:00"',
  '"+010000-01-01T00:00:00Z"',
  '"01890a5d-ac96-774b-bcce-b302099a8057"',
  '"01890A5D-AC96-774B-BCCE-B302099A8057"',
  '"{01890a5d-ac96-774b-bcce-b302099a8057}"',
  '"urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057"',
  '"01890a5dac96774bbcceb302099a8057"',
  '"a@example.test"',
  '"a@"',
  '"https://example.test/a"',
  '"example"',
];

/** The value of a literal as JSON transports it. */
function jsonOf(literal: string): unknown {
  return JSON.parse(literal.replaceAll(/(\w+):(?= )/g, '"$1":'));
}

function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() };
  } catch {
    return 'refused';
  }
}

describe('a scalar takes a literal as it takes the same value in a variable', () => {
  test.each(custom.map((type) => [type.name, type] as const))('%s', (_name, type) => {
    if (!isScalarType(type)) throw new Error('not a scalar');
    for (const literal of values) {
      const asLiteral = valueFromAST(parseValue(literal), type);
      const expected = asLiteral === undefined ? 'refused' : { value: asLiteral };
      expect([literal, outcome(() => type.parseValue(jsonOf(literal)))]).toEqual([literal, expected]);
    }
  });
});

describe('values that are refused', () => {
  const parse = (name: string, value: unknown) => {
    const type = schema.getType(name);
    return outcome(() => (isScalarType(type) ? type.parseValue(value) : undefined));
  };

  test.each([
    ['NonNegativeInt', [1.5, '1e3', [5], -0.5, -1, '5', true, 2 ** 53], [0, 5, 2 ** 53 - 1]],
    ['BigInt', [1.5, '1e3', [5], '0x10', 2 ** 53, '9223372036854775808', ''], [-1, '5', '9223372036854775807']],
    [
      'UUID',
      ['{01890a5d-ac96-774b-bcce-b302099a8057}', '01890a5dac96774bbcceb302099a8057', 5],
      ['01890a5d-ac96-774b-bcce-b302099a8057'],
    ],
    [
      'DateTime',
      ['2026', '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', 1577836800000, 'x'.repeat(1000)],
      ['2026-01-31T12:00:00Z'],
    ],
    ['JSONObject', [[], 'x', 5], [{}, { a: 1 }]],
    ['EmailAddress', ['a@', 'a'.repeat(400), 5], ['a@example.test']],
  ])('of %s', (name, refused, taken) => {
    for (const value of refused) expect([value, parse(name, value)]).toEqual([value, 'refused']);
    for (const value of taken) expect([value, parse(name, value)]).toEqual([value, { value: expect.anything() }]);
  });
});

describe('texts with half of a surrogate pair', () => {
  const half = 'x\ud83dy';
  let graph: TestGraph;
  let tenant: TestTenant;

  beforeAll(async () => {
    graph = await testGraph();
    tenant = await createTenant(graph);
  });

  test.each([
    ['a text', { name: half }, ['input', 'name']],
    ['a list of texts', { tags: ['a', half] }, ['input', 'tags', '1']],
    ['another list', { capabilities: [half] }, ['input', 'capabilities', '0']],
    ['a value in JSON', { metadata: { a: [{ b: half }] } }, ['input', 'metadata', 'a', '0', 'b']],
    ['a key in JSON', { config: { a: { [half]: 1 } } }, ['input', 'config', 'a']],
    ['JSON in a list', { tools: [{ name: half }] }, ['input', 'tools', '0', 'name']],
  ])('in %s are refused with their path', async (_what, input, path) => {
    const result = await graph.execute(
      asViewer(tenant),
      'mutation ($input: CreateAgentInput!) { createAgent(input: $input) { __typename ... on ValidationError { path } } }',
      { input: { name: 'A', provider: 'p', model: 'm', ...input } },
    );
    expect(result).toMatchObject({ data: { createAgent: { __typename: 'ValidationError', path } } });
  });
});
