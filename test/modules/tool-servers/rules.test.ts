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

test('a placeholder value stays inside its argument and cannot become an option', () => {
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
  // Two adjacent values cannot form an option either.
  for (const [a, b] of [
    ['', '--eval=1'],
    ['-', '-eval=1'],
  ] as const) {
    expect(() => fillPlaceholders(['{{a}}{{b}}'], { a, b })).toThrow(PlaceholderError);
  }
  // Values are not expanded again.
  expect(fillPlaceholders(['{{a}}'], { a: '{{b}}', b: 'x' })).toEqual(['{{b}}']);
});

test('validates schemas of draft 7 and 2020-12, and reports the path of each problem', async () => {
  const items = { type: 'object', properties: { 'a/b': { type: 'array', items: { type: 'string', format: 'email' } } } };
  expect(await validateJson(items, { 'a/b': ['me@example.test', 'not an address'] })).toMatchObject([{ path: ['a/b', '1'] }]);
  const draft7 = { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }], additionalItems: false };
  expect(await validateJson(draft7, ['a'])).toEqual([]);
  expect(await validateJson(draft7, ['a', 'b'])).toHaveLength(1);
  const current = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }], items: false };
  expect(await validateJson(current, ['a', 'b'])).toHaveLength(1);
  // Two schemas can have the same `$id`.
  for (const type of ['string', 'number'])
    expect(await validateJson({ $id: 'https://example.test/same', type }, true)).toHaveLength(1);
});

test.each([
  ['a remote reference', { $ref: 'https://elsewhere.example.test/schema.json' }],
  ['an unknown type', { type: 'nonsense' }],
  ['an invalid pattern', { pattern: '(' }],
  ['more than 64 KiB', { description: 'x'.repeat(70_000) }],
  ['code in a keyword', { minLength: '1); process.exit(1); (' }],
])('refuses a schema with %s', async (_title, schema) => {
  await expect(requireUsableSchema(schema as Record<string, unknown>)).rejects.toThrow(UnusableSchemaError);
});

test('bounds the time and the depth of a validation', async () => {
  const start = performance.now();
  const hopeless = `${'a'.repeat(50)}!`;
  expect(await validateJson({ pattern: '^(a+)+$' }, hopeless)).toMatchObject([{ message: 'Takes too long to validate.' }]);
  const objects = Array.from({ length: 20_000 }, (_, a) => ({ a }));
  expect((await validateJson({ uniqueItems: true }, objects)).length).toBeLessThanOrEqual(1);
  await expect(validateJson({ allOf: [{ $ref: '#' }] }, 1)).rejects.toThrow(UnusableSchemaError);
  expect(performance.now() - start).toBeLessThan(10_000);
  // Later validations are not affected.
  expect(await validateJson({ pattern: '^(a+)+$' }, 'aaa')).toEqual([]);
});

test('the hash of a definition changes with each property and not with the order of keys', () => {
  const redactor = createRedactor();
  const hash = (tool: object) => {
    const definition = discoveredToolOf({ ...echo, ...tool }, redactor);
    return definition && hashOfTool(definition);
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
  expect(hash({ name: ' ' })).toBeUndefined();
  expect(hash({ name: 'x'.repeat(201) })).toBeUndefined();
  expect(hash({ name: 'line\nbreak' })).toBeUndefined();
});
