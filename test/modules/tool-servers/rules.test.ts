import { expect, test } from 'vitest';
import { discoveredToolOf, hashOfTool } from '../../../src/modules/tool-servers/discovery/definition.ts';
import {
  requireUsableSchema,
  UnusableSchemaError,
  validateJson,
} from '../../../src/modules/tool-servers/json-schema/json-schema.ts';
import { createRedactor } from '../../../src/modules/tool-servers/secrets/redact.ts';
import { fillPlaceholders, PlaceholderError } from '../../../src/modules/tool-servers/servers/placeholders.ts';
import { echo } from './tool-server.ts';

test('one argument stays one argument, whatever the value is', () => {
  const config = { root: '/a b; rm -rf "$HOME"', port: 80, on: true, nested: {}, option: '--eval=1' };
  expect(fillPlaceholders(['{{root}}', '--port={{ port }}', '{{on}}', 'plain', '--{{option}}'], config)).toEqual([
    '/a b; rm -rf "$HOME"',
    '--port=80',
    'true',
    'plain',
    '----eval=1',
  ]);
  for (const arg of ['{{nested}}', '{{absent}}', '{{constructor}}', '{{option}}']) {
    expect(() => fillPlaceholders([arg], config)).toThrow(PlaceholderError);
  }
  // Nor does a value that comes after an empty one, or half of it, become an option.
  for (const [a, b] of [
    ['', '--eval=1'],
    ['-', '-eval=1'],
  ] as const) {
    expect(() => fillPlaceholders(['{{a}}{{b}}'], { a, b })).toThrow(PlaceholderError);
  }
  // A value is not read for placeholders again.
  expect(fillPlaceholders(['{{a}}'], { a: '{{b}}', b: 'x' })).toEqual(['{{b}}']);
});

test('schemas of either draft are read, and problems have a path', async () => {
  const items = { type: 'object', properties: { 'a/b': { type: 'array', items: { type: 'string', format: 'email' } } } };
  expect(await validateJson(items, { 'a/b': ['me@example.test', 'nobody'] })).toMatchObject([{ path: ['a/b', '1'] }]);
  const draft7 = { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }], additionalItems: false };
  expect(await validateJson(draft7, ['a'])).toEqual([]);
  expect(await validateJson(draft7, ['a', 'b'])).toHaveLength(1);
  const current = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }], items: false };
  expect(await validateJson(current, ['a', 'b'])).toHaveLength(1);
  // The same `$id` again is no trouble.
  for (const type of ['string', 'number'])
    expect(await validateJson({ $id: 'https://example.test/same', type }, true)).toHaveLength(1);
});

test.each([
  ['of another place', { $ref: 'https://elsewhere.example.test/schema.json' }],
  ['that is none', { type: 'nonsense' }],
  ['with a pattern that is none', { pattern: '(' }],
  ['that is large', { description: 'x'.repeat(70_000) }],
  ['that injects code', { minLength: '1); process.exit(1); (' }],
])('a schema %s cannot be used', async (_what, schema) => {
  await expect(requireUsableSchema(schema as Record<string, unknown>)).rejects.toThrow(UnusableSchemaError);
});

test('a stranger decides neither how long a check takes nor how deep it goes', async () => {
  const start = performance.now();
  const hopeless = `${'a'.repeat(50)}!`;
  expect(await validateJson({ pattern: '^(a+)+$' }, hopeless)).toMatchObject([{ message: 'Takes too long to validate.' }]);
  const objects = Array.from({ length: 20_000 }, (_, a) => ({ a }));
  expect((await validateJson({ uniqueItems: true }, objects)).length).toBeLessThanOrEqual(1);
  await expect(validateJson({ allOf: [{ $ref: '#' }] }, 1)).rejects.toThrow(UnusableSchemaError);
  expect(performance.now() - start).toBeLessThan(10_000);
  // What comes next is checked as ever.
  expect(await validateJson({ pattern: '^(a+)+$' }, 'aaa')).toEqual([]);
});

test('the hash of a definition tells every change, and no order of keys', () => {
  const redactor = createRedactor();
  const hash = (tool: object) => {
    const definition = discoveredToolOf({ ...echo, ...tool }, redactor);
    return typeof definition === 'string' ? definition : hashOfTool(definition);
  };
  const changes = [
    { name: 'other' },
    { title: 'Other' },
    { description: 'Other' },
    { inputSchema: { type: 'object' } },
    { outputSchema: { type: 'object' } },
    { annotations: { readOnlyHint: false } },
  ];
  const hashes = [{}, ...changes].map(hash);
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(hash({ inputSchema: Object.fromEntries(Object.entries(echo.inputSchema).reverse()) })).toBe(hashes[0]);
  for (const name of [' ', 'x'.repeat(201), 'line\nbreak']) expect(hash({ name })).toMatch(/^its name is/);
});
