import { beforeAll, describe, expect, test } from 'vitest';
import { type TestGraph, testGraph } from '../../../testkit/graph.ts';
import type { TestTenant } from '../../../testkit/tenants.ts';
import { platformTenant } from '../mcp-fixtures.ts';
import { TRANSPORTS } from './scripted-servers.ts';
import { toleranceScene } from './tolerance-fixtures.ts';

let graph: TestGraph;
let platform: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  platform = await platformTenant(graph);
});

const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: 'object' }, ...more });
const large = 'x'.repeat(900_000);

describe.each(TRANSPORTS)('a list over %s', (transport) => {
  test('ends at a cursor that is null, empty or false, and follows any other', async () => {
    const { list } = await toleranceScene(graph, platform, transport);
    for (const nextCursor of [null, '', false]) {
      const complete = await list({ 'tools/list': { result: { tools: [tool('a')], nextCursor } } });
      expect(complete).toEqual({ refreshError: null, names: ['a'] });
    }
    const pages = { first: { tools: [tool('a')], nextCursor: 2 }, 2: { tools: [tool('b')], nextCursor: null } };
    expect(await list({ 'tools/list': { pages } })).toEqual({ refreshError: null, names: ['a', 'b'] });
    const empty = { first: { tools: null, nextCursor: 'x' }, x: { tools: [], nextCursor: 'y' }, y: { tools: [tool('c')] } };
    expect(await list({ 'tools/list': { pages: empty } })).toEqual({ refreshError: null, names: ['c'] });
  });

  test('without an end is read up to where it repeats, and says so', async () => {
    const { list } = await toleranceScene(graph, platform, transport);
    const circle = { first: { tools: [tool('a')], nextCursor: 'x' }, x: { tools: [tool('b')], nextCursor: 'y' } };
    const pages = { ...circle, y: { tools: [tool('c')], nextCursor: 'x' } };
    const read = await list({ 'tools/list': { pages } });
    expect(read.names).toEqual(['a', 'b', 'c']);
    expect(read.refreshError).toBe('Accepted with changes: The list of tools has no end: the server repeats a cursor.');
    const same = { first: { tools: [tool('a')], nextCursor: 'x' }, '*': { tools: [tool('a')], nextCursor: 'y' } };
    const again = await list({ 'tools/list': { pages: same } });
    expect(again.names).toEqual(['a']);
    expect(again.refreshError).toContain('the server sends the same items again');
  });

  test('keeps the tools beside those that it skips, and names each of these', async () => {
    const { list } = await toleranceScene(graph, platform, transport);
    const tools = [
      tool('good'),
      { name: 'text', inputSchema: { type: 'string' } },
      { name: 'list', inputSchema: [1] },
      { name: 'union', inputSchema: { type: ['string', 'number'] } },
      { inputSchema: { type: 'object' } },
      { name: 7, inputSchema: { type: 'object' } },
      null,
      'a word',
      tool('large', { description: large }),
      tool('twice'),
      tool('twice', { description: 'the second' }),
    ];
    const { names, refreshError } = await list({ 'tools/list': { result: { tools } } });
    expect(names).toEqual(['good', 'twice']);
    expect(refreshError).toMatch(/^9 of its tools were skipped: /);
    for (const reason of [
      '"text": its inputSchema is not the schema of an object.',
      '"list": its inputSchema is not the schema of an object.',
      '"union": its inputSchema is not the schema of an object.',
      'Number 5: it has no name.',
      'Number 7: it is not an object.',
      '"large": it is too large.',
      '"twice": it is listed more than once.',
    ]) {
      expect(refreshError).toContain(reason);
    }
  });

  test('takes null, and what stands for nothing, as absent', async () => {
    const { list, resources } = await toleranceScene(graph, platform, transport);
    const nulls = {
      title: null,
      description: null,
      outputSchema: null,
      annotations: null,
      icons: null,
      _meta: null,
      execution: null,
    };
    const schema = { type: 'object', properties: null, required: null, additionalProperties: null, $defs: null };
    const property = { type: 'string', description: null, enum: null, default: null };
    const result = {
      _meta: null,
      nextCursor: null,
      tools: [
        tool('nulls', nulls),
        { name: 'schema', inputSchema: schema },
        { name: 'property', inputSchema: { type: 'object', properties: { a: property, b: null, c: true } } },
        { name: 'php', inputSchema: { type: 'object', properties: [], required: [] }, annotations: [], _meta: [] },
        { name: 'untyped', inputSchema: { properties: {} } },
        { name: 'nullable', inputSchema: { type: ['object', 'null'] } },
        tool('hints', { annotations: { title: null, readOnlyHint: null, destructiveHint: true } }),
      ],
    };
    const listed = { resources: [{ uri: 'memo://1', name: null, mimeType: null, annotations: { priority: 9 } }], nextCursor: '' };
    const { names, refreshError } = await list({ 'tools/list': { result }, 'resources/list': { result: listed } });
    expect(refreshError).toBeNull();
    expect(names).toEqual(['hints', 'nullable', 'nulls', 'php', 'property', 'schema', 'untyped']);
    expect(await resources()).toEqual([{ uri: 'memo://1', name: 'memo://1' }]);
  });

  test('keeps a tool with wrong members, without these, and says so', async () => {
    const { list, resources } = await toleranceScene(graph, platform, transport);
    const tools = [
      { name: 'bare' },
      tool('texts', { title: 5, description: ['a'] }),
      tool('output', { outputSchema: 'text' }),
      tool('hints', { annotations: { readOnlyHint: 'yes' } }),
      { name: 'names', inputSchema: { type: 'object', properties: { a: 'string' }, required: ['a', 1] } },
    ];
    const listed = [{ uri: 'memo://1', name: 'Memo' }, { name: 'no address' }, { uri: 'memo://2', description: 4 }];
    const { names, refreshError } = await list({
      'tools/list': { result: { tools } },
      'resources/list': { result: { resources: listed } },
    });
    expect(names).toEqual(['bare', 'hints', 'names', 'output', 'texts']);
    for (const reason of [
      '"bare": its inputSchema is missing, so that it takes any arguments.',
      '"texts": its title is not a text and was ignored.',
      '"output": its outputSchema is not an object and was ignored.',
      '"hints": its readOnlyHint is not a boolean and was ignored.',
      '"names": the property "a" of its inputSchema has no schema and takes any value.',
      '1 of its resources were skipped: "no address": it has no URI.',
      '"memo://2": its description is not a text and was ignored.',
    ]) {
      expect(refreshError).toContain(reason);
    }
    expect((await resources()).map(({ uri }) => uri).toSorted()).toEqual(['memo://1', 'memo://2']);
  });

  test('is read after a greeting with nulls and wrong optional members', async () => {
    const capabilities = { tools: [], resources: true, prompts: null, logging: false, experimental: { x: null } };
    const serverInfo = { name: null, version: 2, title: null, icons: null };
    const greeting = { protocolVersion: '2025-06-18', capabilities, serverInfo, instructions: null, _meta: null };
    const { list } = await toleranceScene(graph, platform, transport, { initialize: { result: greeting } });
    expect(await list({ 'tools/list': { result: { tools: [tool('a')] } } })).toEqual({ refreshError: null, names: ['a'] });
    const bare = { protocolVersion: '2025-06-18', capabilities: null, serverInfo: null };
    const silent = await toleranceScene(graph, platform, transport, { initialize: { result: bare } });
    expect((await silent.list({ 'tools/list': { result: { tools: [tool('b')] } } })).names).toEqual(['b']);
  });
});
