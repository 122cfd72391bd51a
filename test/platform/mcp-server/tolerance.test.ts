import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../src/platform/mcp-server/define-tool.ts';
import { startEndpoint, type TestEndpoint } from './endpoint.ts';
import { type Installation, LIST_TOOLS, postMessage, startInstallation } from './mcp-installation.ts';

const count = defineTool({
  name: 'count',
  title: 'Count',
  description: 'A tool of a test.',
  access: 'agent:read',
  writes: false,
  input: { from: z.number().int().default(1), label: z.string().nullable().default('none') },
  output: { from: z.number(), label: z.string().nullable() },
  run: async ({ progress }, { from, label }) => {
    await progress(1, 1);
    return { from, label };
  },
});

let installation: Installation;
let endpoint: TestEndpoint;

beforeAll(async () => {
  installation = await startInstallation();
  const credential = await installation.key(await installation.tenant(), ['agents:read', 'knowledge:read']);
  endpoint = await startEndpoint(installation, { catalog: { tools: [count] }, credential });
});
afterAll(async () => {
  await endpoint.close();
  await installation.close();
});

/** Without an Accept header of fetch's own. */
const post = (message: unknown, headers: Record<string, string> = {}) => postMessage(endpoint.url, message, headers);
const CALL = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'count', arguments: {} } };
const WITH_PROGRESS = { ...CALL, params: { ...CALL.params, _meta: { progressToken: 'p' } } };

describe('Accept', () => {
  test.each([
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/*', 'application/json'],
    ['Application/JSON; charset=utf-8', 'application/json'],
    ['text/html, */*;q=0.1', 'application/json'],
    ['text/event-stream', 'text/event-stream'],
    ['text/*', 'text/event-stream'],
    ['application/json;q=0, text/event-stream', 'text/event-stream'],
    ['*/*, application/json;q=0', 'text/event-stream'],
    ['', 'application/json'],
  ])('answers %j with %s', async (accept, type) => {
    const response = await post(CALL, { accept });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect(await response.text()).toContain('"structuredContent":{"from":1,"label":"none"}');
  });

  test.each([
    ['application/json, text/event-stream', 'text/event-stream'],
    ['*/*', 'text/event-stream'],
    ['application/json', 'application/json'],
    ['application/json, text/event-stream;q=0', 'application/json'],
  ])('answers a call with progress to %j with %s', async (accept, type) => {
    const response = await post(WITH_PROGRESS, { accept });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect(await response.text()).toContain('"id":5');
  });

  test.each(['text/html', 'application/xml, text/plain', '*/*;q=0'])('refuses %j with a sentence', async (accept) => {
    const response = await post(CALL, { accept });
    expect(response.status).toBe(406);
    const { error } = await response.json();
    expect(error.message).toBe('The Accept header must allow application/json or text/event-stream.');
  });
});

test('answers at the address with a slash at its end', async () => {
  const key = await installation.key(await installation.tenant(), ['agents:read']);
  const response = await postMessage(`${installation.mcpUrl}/`, LIST_TOOLS, { authorization: `Bearer ${key}` });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ id: 1, result: { tools: [{ name: 'list_agents' }] } });
});

describe('null', () => {
  test.each([
    ['params', { method: 'tools/list', params: null }],
    ['cursor', { method: 'tools/list', params: { cursor: null } }],
    ['cursor of resources', { method: 'resources/list', params: { cursor: null, _meta: null } }],
    ['progress token', { method: 'prompts/list', params: { _meta: { progressToken: null } } }],
    ['arguments', { method: 'tools/call', params: { name: 'count', arguments: null, _meta: null, task: null } }],
    ['an argument', { method: 'tools/call', params: { name: 'count', arguments: { from: null } } }],
    [
      'members of the greeting',
      {
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: { roots: null, sampling: null, experimental: null },
          clientInfo: { name: 'test', version: '1', title: null, icons: null },
        },
      },
    ],
  ])('is read as absent: %s', async (_what, message) => {
    const response = await post({ jsonrpc: '2.0', id: 1, ...message });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: 1, result: expect.any(Object) });
  });

  test('is a value of an argument that takes it', async () => {
    const params = { name: 'count', arguments: { from: null, label: null } };
    const response = await post({ ...CALL, params });
    expect((await response.json()).result.structuredContent).toEqual({ from: 1, label: null });
  });

  test('is no problem in a notification', async () => {
    const response = await post({ jsonrpc: '2.0', method: 'notifications/initialized', params: null });
    expect([response.status, await response.text()]).toEqual([202, '']);
  });
});

describe('refuses with a sentence', () => {
  test.each([
    ['a cursor', { method: 'tools/list', params: { cursor: 7 } }, 'params.cursor: expected string, received number.'],
    ['a list of params', { method: 'tools/list', params: [] }, 'The params of a request must be an object.'],
    ['a missing name', { method: 'tools/call', params: { name: null } }, 'params.name: expected string, received undefined.'],
    [
      'arguments that are a list',
      { method: 'tools/call', params: { name: 'count', arguments: [1] } },
      'params.arguments: expected record, received array.',
    ],
    ['a missing URI', { method: 'resources/read', params: {} }, 'params.uri: expected string, received undefined.'],
    [
      'an argument of a prompt',
      { method: 'prompts/get', params: { name: 'a', arguments: { b: 1 } } },
      'params.arguments.b: expected string, received number.',
    ],
    ['a missing completion', { method: 'completion/complete', params: {} }, 'params.argument: expected object'],
    ['a greeting', { method: 'initialize', params: {} }, 'params.protocolVersion: expected string, received undefined'],
  ])('%s', async (_what, message, sentence) => {
    const response = await post({ jsonrpc: '2.0', id: 'mine', ...message });
    const { id, error } = await response.json();
    expect([response.status, id, error.code]).toEqual([200, 'mine', -32602]);
    expect(error.message).toContain(sentence);
    expect(error.message).not.toMatch(/[[{]/);
  });

  test.each([null, 1.5, {}, true])('the id %j', async (id) => {
    const response = await post({ ...LIST_TOOLS, id });
    expect(response.status).toBe(400);
    const message = 'The id of a request must be a string or an integer.';
    expect(await response.json()).toEqual({ jsonrpc: '2.0', id: null, error: { code: -32600, message } });
  });
});
