import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { acceptableSchema, plainSchema } from '../../../src/platform/ai/compatibility/tool-schemas.ts';

const name = { type: 'string' };
const id = { type: 'integer' };

test.each<[string, unknown, object]>([
  ['no properties', { type: 'object' }, { type: 'object', properties: {} }],
  ['properties of null', { type: 'object', properties: null, required: null }, { type: 'object', properties: {} }],
  ['no type', { properties: { name } }, { type: 'object', properties: { name } }],
  ['nothing', undefined, { type: 'object', properties: {} }],
  ['true', true, { type: 'object', properties: {} }],
  ['several types', { type: ['object', 'null'], properties: { name } }, { type: 'object', properties: { name } }],
  [
    'alternatives at the top',
    {
      type: 'object',
      anyOf: [
        { properties: { id }, required: ['id'] },
        { properties: { name, id: name }, required: ['id', 'name'] },
      ],
    },
    { type: 'object', properties: { id: { anyOf: [id, name] }, name }, required: ['id'] },
  ],
  [
    'parts at the top',
    { allOf: [{ properties: { id }, required: ['id'] }, { $ref: '#/$defs/named' }], $defs: { named: { properties: { name } } } },
    { type: 'object', properties: { id, name }, required: ['id'], $defs: { named: { properties: { name } } } },
  ],
  [
    'a reference at the top',
    { $ref: '#/definitions/named', definitions: { named: { type: 'object', properties: { name } } } },
    { type: 'object', properties: { name }, definitions: { named: { type: 'object', properties: { name } } } },
  ],
  ['a reference to itself', { $ref: '#' }, { type: 'object', properties: {} }],
  [
    'lists without items, and objects without properties',
    { type: 'object', properties: { list: { type: 'array' }, any: { type: 'object' }, yes: true } },
    { type: 'object', properties: { list: { type: 'array', items: {} }, any: { type: 'object', properties: {} }, yes: {} } },
  ],
  [
    'keywords of older drafts',
    {
      $schema: 'http://json-schema.org/draft-04/schema#',
      type: 'object',
      properties: {
        age: { type: 'integer', minimum: 0, exclusiveMinimum: true },
        pair: { type: 'array', items: [name, id] },
        odd: { type: 'any', required: true, enum: [] },
      },
      required: ['age', 'missing'],
    },
    {
      type: 'object',
      properties: {
        age: { type: 'integer', exclusiveMinimum: 0 },
        pair: { type: 'array', items: { anyOf: [name, id] } },
        odd: {},
      },
      required: ['age'],
    },
  ],
])('makes a schema with %s acceptable', (_, given, expected) => {
  const schema = acceptableSchema(given);
  expect(schema).toEqual(expected);
  expect(() => new Ajv2020({ strict: false }).compile(schema)).not.toThrow();
});

test('ends for schemas without an end', () => {
  const deep: Record<string, unknown> = { type: 'object' };
  let inner = deep;
  for (let level = 0; level < 1_000; level++) {
    const next = { type: 'object' };
    inner.properties = { next };
    inner = next as never;
  }
  expect(JSON.stringify(acceptableSchema(deep)).length).toBeLessThan(5_000);
  const loop = { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }] } } };
  expect(acceptableSchema(loop)).toMatchObject({ type: 'object', properties: {} });
  const wide = { anyOf: Array.from({ length: 50 }, () => ({ $ref: '#' })), properties: {} as Record<string, unknown> };
  for (let index = 0; index < 50; index++) wide.properties[`p${index}`] = { $ref: '#' };
  expect(Object.keys(acceptableSchema(wide).properties as object)).toHaveLength(50);
  expect(JSON.stringify(plainSchema({ ...wide, anyOf: undefined, type: 'object' })).length).toBeLessThan(50_000);
});

test('reduces a schema to names, types, descriptions and choices', () => {
  const given = {
    type: 'object',
    additionalProperties: false,
    properties: {
      code: { type: 'string', pattern: '[A-Z]+', description: 'A code.' },
      unit: { anyOf: [{ type: 'string', enum: ['m', 'km'] }, { type: 'null' }] },
      options: { type: 'object' },
      list: { type: 'array', items: { $ref: '#/$defs/item' } },
    },
    required: ['code'],
    $defs: { item: { type: 'object', properties: { size: { type: ['number', 'null'], minimum: 0 } } } },
  };
  expect(plainSchema(given)).toEqual({
    type: 'object',
    properties: {
      code: { type: 'string', description: 'A code.' },
      unit: { type: 'string', enum: ['m', 'km'] },
      list: { type: 'array', items: { type: 'object', properties: { size: { type: 'number' } }, required: [] } },
    },
    required: ['code'],
  });
});
