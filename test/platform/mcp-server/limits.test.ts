import { request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../src/platform/lib/ids.ts';
import { defineTool } from '../../../src/platform/mcp-server/define-tool.ts';
import { contextOf, type TestTenant } from '../../testkit/tenants.ts';
import { startEndpoint, type TestEndpoint } from './endpoint.ts';
import { call, clientTo, type Installation, postMessage, startInstallation } from './mcp-installation.ts';

const logged: Record<string, unknown>[] = [];
const log = pino({ level: 'debug' }, { write: (line) => void logged.push(JSON.parse(line)) });

const aborted = Promise.withResolvers<void>();

const about = { title: 'Test', description: 'A tool of a test.', access: 'agent:read', writes: false, input: {} } as const;

const tools = [
  defineTool({
    ...about,
    name: 'hang',
    output: {},
    run: ({ signal }) =>
      new Promise<never>(() => {
        signal.addEventListener('abort', () => aborted.resolve());
      }),
  }),
  defineTool({ ...about, name: 'too_much', output: { text: z.string() }, run: async () => ({ text: 'x'.repeat(20_000) }) }),
  defineTool({
    ...about,
    name: 'break',
    output: {},
    run: async () => {
      throw new Error('password=hunter2');
    },
  }),
  defineTool({ ...about, name: 'leak', output: { shown: z.string() }, run: async () => ({ shown: 'yes', hidden: 'secret' }) }),
  defineTool({ ...about, name: 'lie', output: { shown: z.string() }, run: async () => ({ shown: 1 }) as never }),
  defineTool({
    ...about,
    name: 'half_done',
    writes: true,
    output: {},
    input: { conversationId: z.uuid() },
    async run({ prisma, viewer }, { conversationId }) {
      await prisma.message.create({
        data: { tenantId: viewer.tenantId, id: newId(), conversationId, role: 'USER', content: 'half done' },
      });
      throw new Error('the other half failed');
    },
  }),
  defineTool({
    ...about,
    name: 'report_progress',
    output: {},
    async run({ progress }) {
      await progress(1, 2);
      await progress(2, 2);
      return {};
    },
  }),
];

let installation: Installation;
let endpoint: TestEndpoint;
let tenant: TestTenant;
let headers: { authorization: string };
let client: Client;

beforeAll(async () => {
  installation = await startInstallation();
  tenant = await installation.tenant();
  headers = { authorization: `Bearer ${await installation.token(tenant)}` };
  endpoint = await startEndpoint(installation, { catalog: { tools }, limits: { callMs: 300, resultCharacters: 10_000 }, log });
  const to = clientTo(endpoint.url, headers);
  client = to.client;
  await to.open();
});
afterAll(async () => {
  await client.close();
  await endpoint.close();
  await installation.close();
});

test('aborts a call after the time limit', async () => {
  expect(await call(client, 'hang')).toMatchObject({ code: 'UNAVAILABLE', failure: expect.stringContaining('timed out') });
  await aborted.promise;
});

test('refuses an oversized result', async () => {
  expect(await call(client, 'too_much')).toMatchObject({
    code: 'INVALID_STATE',
    failure: expect.stringContaining('Request less data'),
  });
});

test('masks an unexpected error and logs it with the request id', async () => {
  for (const [name, secret] of [
    ['break', 'hunter2'],
    ['lie', 'invalid_type'],
  ]) {
    const requestId = `mcp-${name}`;
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } };
    const response = await postMessage(endpoint.url, message, { ...headers, 'x-request-id': requestId });
    const text = await response.text();
    expect(text).not.toContain(secret);
    expect(JSON.parse(text).result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining(requestId) }],
      _meta: { 'agentbase/code': 'INTERNAL_SERVER_ERROR' },
    });
    const entry = logged.find((line) => line.requestId === requestId && line.msg === 'unexpected error');
    expect(JSON.stringify(entry)).toContain(secret);
  }
});

test('removes output fields that the tool does not declare', async () => {
  const { output, result } = await call(client, 'leak');
  expect(output).toEqual({ shown: 'yes' });
  expect(JSON.stringify(result)).not.toContain('secret');
});

test('rolls back the writes of a failed tool', async () => {
  const { code } = await call(client, 'half_done', { conversationId: tenant.idOf('conversations') });
  expect(code).toBe('INTERNAL_SERVER_ERROR');
  const { database, prisma } = installation.app.services;
  const count = await database.transactionAs(contextOf(tenant), () =>
    prisma.message.count({ where: { conversationId: tenant.idOf('conversations') } }),
  );
  expect(count).toBe(2);
});

test('responds with a stream to a client that requests progress', async () => {
  const reported: unknown[] = [];
  await client.request({ method: 'tools/call', params: { name: 'report_progress' } }, CallToolResultSchema, {
    onprogress: (progress) => reported.push(progress),
  });
  expect(reported).toEqual([
    { progress: 1, total: 2 },
    { progress: 2, total: 2 },
  ]);
  const message = {
    jsonrpc: '2.0',
    id: 7,
    method: 'tools/call',
    params: { name: 'report_progress', _meta: { progressToken: 'p' } },
  };
  const response = await postMessage(endpoint.url, message, headers);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  expect((await response.text()).match(/"progress":\d|"id":7/g)).toEqual(['"progress":1', '"progress":2', '"id":7']);
});

test.each([{}, { _meta: { progressToken: 'p' } }])('a disconnect aborts the call (%j)', async (more) => {
  const ended = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const wait = defineTool({
    ...about,
    name: 'wait',
    output: {},
    run: ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          ended.resolve();
          resolve({});
        });
        started.resolve();
      }),
  });
  const patient = await startEndpoint(installation, { catalog: { tools: [wait] } });
  try {
    const { hostname, port } = new URL(patient.url);
    const accept = 'application/json, text/event-stream';
    const sending = httpRequest({
      hostname,
      port,
      path: '/mcp',
      method: 'POST',
      headers: { ...headers, accept, 'content-type': 'application/json' },
    });
    sending.on('error', () => {});
    sending.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', ...more } }));
    await started.promise;
    sending.destroy();
    expect(await Promise.race([ended.promise.then(() => 'ended'), delay(10_000, 'goes on', { ref: false })])).toBe('ended');
  } finally {
    await patient.close();
  }
});
