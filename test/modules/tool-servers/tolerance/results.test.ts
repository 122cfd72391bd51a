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

const text = (words: string) => ({ type: 'text', text: words });
const said = [text('said')];
const image = { type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' };

const results: [string, unknown, object][] = [
  [
    'null in optional members',
    { content: [{ ...text('said'), annotations: null, _meta: null }], structuredContent: null, isError: null, _meta: null },
    { content: said },
  ],
  [
    'annotations out of range',
    { content: [{ ...text('said'), annotations: { priority: 9 } }] },
    { content: [{ ...text('said'), annotations: { priority: 9 } }] },
  ],
  [
    'an unknown kind of content',
    { content: [text('said'), { type: 'chart', points: [1, 2] }] },
    { content: [...said, text('[chart, 31 bytes, cannot be read]')] },
  ],
  ['an unknown kind that has a text', { content: [{ type: 'markdown', text: 'said' }] }, { content: said }],
  [
    'a name of a built-in as its kind',
    { content: [text('said'), { type: 'constructor' }] },
    { content: [...said, text('[constructor, 22 bytes, cannot be read]')] },
  ],
  ['content without a kind', { content: [text('said'), { answer: 42 }] }, { content: [...said, text('{"answer":42}')] }],
  ['a text that is no text', { content: [{ type: 'text', text: { a: 1 } }] }, { content: [text('{"a":1}')] }],
  ['a text that is null', { content: [text('said'), { type: 'text', text: null }] }, { content: [...said, text('')] }],
  ['words in place of content', { content: ['said'] }, { content: said }],
  ['content that is one text', { content: 'said' }, { content: said }],
  ['content that is one part', { content: text('said') }, { content: said }],
  ['no content', { content: null, structuredContent: { a: 1 } }, { content: [], structuredContent: { a: 1 } }],
  [
    'structured content that is a list',
    { content: said, structuredContent: [1] },
    { content: said, structuredContent: { result: [1] } },
  ],
  [
    'a picture without data',
    { content: [text('said'), { type: 'image', data: null }] },
    { content: [...said, text('[image, 28 bytes, cannot be read]')] },
  ],
  [
    'a picture that is not base64',
    { content: [text('said'), { ...image, data: '<svg/>' }] },
    { content: [...said, text('[image, 55 bytes, cannot be read]')] },
  ],
  [
    'a picture as a data URL',
    { content: [{ type: 'image', data: `data:image/png;base64,${image.data}` }] },
    { content: [image] },
  ],
  [
    'a link with nulls',
    { content: [{ type: 'resource_link', uri: 'a://b', name: null, description: null }] },
    { content: [{ type: 'resource_link', uri: 'a://b', name: 'a://b' }] },
  ],
  [
    'a resource with nulls',
    { content: [{ type: 'resource', resource: { uri: 'a://b', mimeType: null, text: 'in it', blob: null } }] },
    { content: [{ type: 'resource', resource: { uri: 'a://b', text: 'in it' } }] },
  ],
  ['the result of the first protocol version', { toolResult: 'said' }, { content: said }],
];

const messages: [string, string, object][] = [
  [
    'null for no error',
    '{"jsonrpc":"2.0","id":$id,"result":{"content":[{"type":"text","text":"said"}]},"error":null}',
    { content: said },
  ],
  [
    'a member of its own',
    '{"jsonrpc":"2.0","id":$id,"took":3,"result":{"content":[{"type":"text","text":"said"}]}}',
    { content: said },
  ],
  ['the id as a text', '{"jsonrpc":"2.0","id":"$id","result":{"content":[{"type":"text","text":"said"}]}}', { content: said }],
  [
    'a batch',
    '[{"jsonrpc":"2.0","method":"notifications/message","params":null},{"jsonrpc":"2.0","id":$id,"result":{"content":[{"type":"text","text":"said"}]}}]',
    { content: said },
  ],
  ['a result that is a text', '{"jsonrpc":"2.0","id":$id,"result":"said"}', { content: said }],
  ['a result that is null', '{"jsonrpc":"2.0","id":$id,"result":null}', { content: [] }],
];

describe.each(TRANSPORTS)('a result over %s', (transport) => {
  test('is what can be read of it', async () => {
    const { act } = await toleranceScene(graph, platform, transport);
    for (const [what, result, expected] of results) {
      const { output, execution, message } = await act({ 'tools/call': { result } });
      expect(execution?.status, `${what}: ${message ?? execution?.errorMessage}`).toBe('SUCCESS');
      expect(output, what).toEqual(expected);
      expect(execution.result, what).toEqual(expected);
    }
  });

  test('is read from a message that is not quite JSON-RPC', async () => {
    const { act } = await toleranceScene(graph, platform, transport);
    for (const [what, words, expected] of messages) {
      const { output, execution, message } = await act({ 'tools/call': { text: words } });
      expect(execution?.status, `${what}: ${message ?? execution?.errorMessage}`).toBe('SUCCESS');
      expect(output, what).toEqual(expected);
    }
  });

  test('that is a failure keeps its text', async () => {
    const { act } = await toleranceScene(graph, platform, transport);
    const failure = { content: [text('no such city'), { type: 'hint', city: null }], isError: true, structuredContent: null };
    const { execution } = await act({ 'tools/call': { result: failure } });
    expect(execution).toMatchObject({ status: 'ERROR', errorCode: 'TOOL_ERROR' });
    expect(execution.errorMessage).toMatch(/^no such city\n/);
    const error = {
      text: '{"jsonrpc":"2.0","id":$id,"result":null,"error":{"code":"-32000","message":"out of order","data":null}}',
    };
    const refused = await act({ 'tools/call': error });
    expect(refused.execution).toMatchObject({ errorCode: 'PROTOCOL', errorMessage: expect.stringContaining('out of order') });
  });

  test('that is none is an error at once', async () => {
    const { act } = await toleranceScene(graph, platform, transport);
    for (const wrong of [{ text: '{"jsonrpc":"2.0","id":$id}' }, { result: { content: 7 } }, { result: { content: { a: 1 } } }]) {
      expect((await act({ 'tools/call': wrong })).execution).toMatchObject({ status: 'ERROR', errorCode: 'PROTOCOL' });
    }
  });
});

describe.each(TRANSPORTS.filter((transport) => transport !== 'STDIO'))('a session over %s', (transport) => {
  test.each([404, 400, 410])('that the server forgot (%i) is replaced, and the call runs once', async (status) => {
    const { act, server } = await toleranceScene(graph, platform, transport);
    const answer = { 'tools/call': { result: { content: said } } };
    await act(answer);
    server.forgetSessions(status);
    const before = server.heard.length;
    expect((await act(answer)).output).toEqual({ content: said });
    expect(server.heard.slice(before)).toEqual(['tools/call', 'initialize', 'notifications/initialized', 'tools/call']);
  });
});
