import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../src/platform/lib/ids.ts';
import { contextOf, type TestTenant } from '../../testkit/tenants.ts';
import { call, type Installation, startInstallation } from './mcp-installation.ts';

let installation: Installation;
let tenant: TestTenant;
let other: TestTenant;
let owner: Client;

beforeAll(async () => {
  installation = await startInstallation();
  [tenant, other] = [await installation.tenant(), await installation.tenant()];
  owner = await installation.connect(await installation.token(tenant));
});
afterAll(() => installation.close());

const withKey = async (...scopes: Parameters<Installation['key']>[1]) =>
  installation.connect(await installation.key(tenant, scopes));
const names = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name);

const ALL = ['list_agents', 'create_conversation', 'list_conversations', 'read_messages', 'search_knowledge', 'send_message'];

describe('the list of tools', () => {
  test('describes the server, its tools and their schemas', async () => {
    expect(owner.getServerVersion()).toMatchObject({ name: 'agentbase', title: 'Agentbase' });
    expect(owner.getServerCapabilities()).toEqual({ tools: {}, resources: {}, prompts: {}, completions: {} });
    expect(owner.getInstructions()).toMatch(/list_agents.*create_conversation.*search_knowledge.*send_message/);
    const { tools } = await owner.listTools();
    expect(tools.map(({ name }) => name)).toEqual(ALL);
    for (const { title, description, inputSchema, outputSchema, annotations } of tools) {
      expect({ title, description }).toEqual({ title: expect.any(String), description: expect.stringMatching(/\.$/) });
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(outputSchema).toMatchObject({ type: 'object' });
      expect(annotations?.readOnlyHint).toBeTypeOf('boolean');
    }
    const writing = tools.filter(({ annotations }) => annotations?.readOnlyHint === false);
    expect(writing.map(({ name }) => name)).toEqual(['create_conversation', 'send_message']);
  });

  test('contains only the tools that the credential may call', async () => {
    expect(await names(await withKey('knowledge:read'))).toEqual(['search_knowledge']);
    expect(await names(await withKey('conversations:read'))).toEqual(['list_conversations', 'read_messages']);
    expect(await names(await withKey('agents:execute'))).toEqual(ALL.filter((name) => name !== 'search_knowledge'));
    expect(await names(await withKey('audit:read'))).toEqual([]);
    const viewer = await installation.connect(await installation.token(tenant, 'VIEWER'));
    expect(await names(viewer)).toEqual(['list_agents', 'list_conversations', 'read_messages', 'search_knowledge']);
  });
});

describe('a tool that the credential may not use', () => {
  test.each([
    ['search_knowledge', { query: 'hello' }, 'knowledge:read'],
    ['list_agents', {}, 'agent:read'],
    ['create_conversation', { agentId: newId() }, 'conversation:write'],
    ['list_conversations', {}, 'conversation:read'],
    ['send_message', { conversationId: newId(), content: 'Hello' }, 'agent:execute'],
    ['read_messages', { conversationId: newId() }, 'conversation:read'],
  ])('refuses a call of %s', async (name, input, right) => {
    const { failure, code } = await call(await withKey('audit:read'), name, input);
    expect({ failure, code }).toEqual({ failure: expect.stringContaining(right), code: 'FORBIDDEN' });
  });

  test('refuses the writing tools to a VIEWER', async () => {
    const viewer = await installation.connect(await installation.token(tenant, 'VIEWER'));
    const sent = await call(viewer, 'send_message', { conversationId: tenant.idOf('conversations'), content: 'Let me' });
    const made = await call(viewer, 'create_conversation', { agentId: tenant.idOf('agents') });
    expect([sent.code, made.code]).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    const read = await call<{ messages: unknown[] }>(viewer, 'read_messages', { conversationId: tenant.idOf('conversations') });
    expect(JSON.stringify(read.output)).not.toContain('Let me');
    expect((await call(viewer, 'search_knowledge', { query: 'hello' })).output).toMatchObject({ hits: [expect.anything()] });
  });
});

describe('search_knowledge', () => {
  test('returns chunks with their documents', async () => {
    const client = await withKey('knowledge:read');
    const { output, result } = await call(client, 'search_knowledge', { query: 'hello there', topK: 3 });
    const uri = `agentbase://documents/${tenant.idOf('documents')}`;
    expect(output).toEqual({
      hits: [
        {
          documentId: tenant.idOf('documents'),
          title: 'Document',
          uri,
          page: null,
          section: null,
          text: 'Hello there',
          score: expect.any(Number),
        },
      ],
      mode: 'EXACT',
      truncated: false,
      queryId: expect.any(String),
    });
    expect(result.content).toEqual([
      { type: 'text', text: JSON.stringify(output) },
      { type: 'resource_link', uri, name: 'Document', mimeType: 'text/plain' },
    ]);
    const { prisma, database } = installation.app.services;
    const logged = await database.transactionAs(contextOf(tenant), () =>
      prisma.ragQuery.findFirst({ where: { id: String(output?.queryId) } }),
    );
    expect(logged).toMatchObject({ query: 'hello there', returned: 1, userId: tenant.owner.userId });
  });

  test('searches the given collections, by id or slug', async () => {
    const { prisma, database } = installation.app.services;
    const slug = await database.transactionAs(contextOf(tenant), async () => {
      const collection = await prisma.collection.findFirst({ where: { id: tenant.idOf('collections') } });
      return collection?.slug ?? '';
    });
    for (const name of [slug, tenant.idOf('collections'), tenant.idOf('collections').toUpperCase()]) {
      const { output } = await call<{ hits: unknown[] }>(owner, 'search_knowledge', {
        query: 'hello',
        collections: [name],
        strategy: 'KEYWORD',
      });
      expect(output?.hits).toHaveLength(1);
    }
  });

  test('finds no documents or collections of another tenant', async () => {
    const { output } = await call<{ hits: { documentId: string }[] }>(owner, 'search_knowledge', { query: 'hello', topK: 50 });
    expect(output?.hits.map(({ documentId }) => documentId)).toEqual([tenant.idOf('documents')]);
    const named = await call(owner, 'search_knowledge', { query: 'hello', collections: [other.idOf('collections')] });
    expect(named).toMatchObject({ code: 'NOT_FOUND', failure: `The collection ${other.idOf('collections')} was not found.` });
    const unknown = await call(owner, 'search_knowledge', { query: 'hello', collections: ['no-such-slug'] });
    expect(unknown.code).toBe('NOT_FOUND');
  });

  test('rejects invalid input', async () => {
    const { failure, code } = await call(owner, 'search_knowledge', { query: ' ', topK: 51, strategy: 'GUESS', nonsense: 1 });
    expect(code).toBe('VALIDATION_FAILED');
    expect(failure).toContain('query: Must not be empty.');
    expect(failure).toMatch(/topK: .*50/);
    expect(failure).toContain('strategy: ');
    expect(failure).toContain('nonsense');
  });
});

describe('list_agents', () => {
  test('lists the agents of the tenant in pages', async () => {
    const { prisma, database } = installation.app.services;
    const mine = await installation.tenant();
    await database.transactionAs(contextOf(mine), async () => {
      for (const name of ['Zed', 'Bea', 'Cy']) {
        const id = newId();
        await prisma.agent.create({ data: { tenantId: mine.id, id, name, slug: name.toLowerCase(), provider: 'p', model: 'm' } });
      }
    });
    const client = await installation.connect(await installation.key(mine, ['agents:read']));
    type Page = { agents: { name: string }[]; nextCursor?: string };
    const first = await call<Page>(client, 'list_agents', { limit: 3 });
    expect(first.output?.agents.map(({ name }) => name)).toEqual(['Agent', 'Bea', 'Cy']);
    const second = await call<Page>(client, 'list_agents', { limit: 3, cursor: first.output?.nextCursor });
    expect(second.output).toEqual({ agents: [expect.objectContaining({ name: 'Zed', slug: 'zed', status: 'ACTIVE' })] });
    // The search covers slugs too; a random slug contains no Z.
    const found = await call<Page>(client, 'list_agents', { search: 'ZE', status: 'ACTIVE' });
    expect(found.output?.agents.map(({ name }) => name)).toEqual(['Zed']);
    const wrong = await call(client, 'list_agents', { cursor: 'somewhere' });
    expect(wrong).toMatchObject({ code: 'VALIDATION_FAILED', failure: expect.stringContaining('cursor is not valid') });
  });
});

describe('conversations', () => {
  test('are created, listed, sent messages and read', async () => {
    const mine = await installation.tenant();
    const client = await installation.connect(await installation.key(mine, ['agents:execute']));
    const made = await call<{ conversation: { id: string } }>(client, 'create_conversation', {
      agentId: mine.idOf('agents'),
      title: 'Over MCP',
    });
    expect(made.output?.conversation).toMatchObject({ agentId: mine.idOf('agents'), title: 'Over MCP', status: 'ACTIVE' });
    const conversationId = made.output?.conversation.id ?? '';

    type Page = { conversations: { id: string }[]; nextCursor?: string };
    const newest = await call<Page>(client, 'list_conversations', { limit: 1 });
    expect(newest.output?.conversations.map(({ id }) => id)).toEqual([conversationId]);
    const older = await call<Page>(client, 'list_conversations', { limit: 1, cursor: newest.output?.nextCursor });
    expect(older.output).toEqual({ conversations: [expect.objectContaining({ id: mine.idOf('conversations') })] });
    const ended = await call<Page>(client, 'list_conversations', { status: 'COMPLETED', agentId: mine.idOf('agents') });
    expect(ended.output).toEqual({ conversations: [] });

    const message = { conversationId, content: 'Hello by MCP', idempotencyKey: 'once' };
    const sent = await call<{ messageId: string; runId: string }>(client, 'send_message', message);
    expect(sent.output).toMatchObject({ sequence: 1, repeated: false });
    const again = await call(client, 'send_message', message);
    expect(again.output).toEqual({ ...sent.output, repeated: true });
    const { prisma, database } = installation.app.services;
    const runs = await database.transactionAs(contextOf(mine), () => prisma.agentRun.findMany({ where: { conversationId } }));
    expect(runs).toMatchObject([{ id: sent.output?.runId, messageId: sent.output?.messageId, trigger: 'MESSAGE' }]);
    const different = await call(client, 'send_message', { ...message, content: 'Something else' });
    expect(different.code).toBe('CONFLICT');
    await call(client, 'send_message', { conversationId, content: 'And more' });

    // The agent may reply at the same time, because the server runs a worker.
    type Read = { messages: { sequence: number; role: string; content: string }[]; more: boolean };
    const first = await call<Read>(client, 'read_messages', { conversationId, limit: 1 });
    expect(first.output).toMatchObject({
      messages: [{ sequence: 1, role: 'USER', content: 'Hello by MCP', cut: false }],
      more: true,
    });
    const rest = await call<Read>(client, 'read_messages', { conversationId, after: 1 });
    expect(rest.output?.messages.filter(({ role }) => role === 'USER')).toMatchObject([{ content: 'And more' }]);
    const none = await call<Read>(client, 'read_messages', { conversationId, after: 1_000 });
    expect(none.output).toEqual({ messages: [], more: false });
  });

  test('are audited with the user of the credential and the request id', async () => {
    const client = await installation.connect(await installation.token(tenant), { 'x-request-id': 'mcp-audit-1' });
    await call(client, 'create_conversation', { agentId: tenant.idOf('agents') });
    const { prisma, database } = installation.app.services;
    const found = await database.transactionAs(contextOf(tenant), () =>
      prisma.auditLog.findMany({ where: { requestId: 'mcp-audit-1' } }),
    );
    expect(found).toMatchObject([{ tenantId: tenant.id, userId: tenant.owner.userId }]);
  });

  test('of another tenant are not found', async () => {
    const gone = { code: 'NOT_FOUND', output: undefined };
    const sent = await call(owner, 'send_message', { conversationId: other.idOf('conversations'), content: 'Hello' });
    const read = await call(owner, 'read_messages', { conversationId: other.idOf('conversations') });
    const made = await call(owner, 'create_conversation', { agentId: other.idOf('agents') });
    expect([sent, read, made]).toMatchObject([gone, gone, gone]);
    const listed = await call(owner, 'list_conversations', { limit: 100 });
    expect(JSON.stringify(listed.output)).not.toContain(other.idOf('conversations'));
    const filtered = await call(owner, 'list_conversations', { agentId: other.idOf('agents') });
    expect(filtered.output).toEqual({ conversations: [] });
  });

  test('reject invalid messages, and any message after completion', async () => {
    const bad = await call(owner, 'send_message', { conversationId: 'Conversation 1', content: '' });
    expect(bad).toMatchObject({ code: 'VALIDATION_FAILED', failure: expect.stringContaining('content: Must not be empty.') });
    const nul = await call(owner, 'send_message', { conversationId: tenant.idOf('conversations'), content: 'a\0b' });
    expect(nul.code).toBe('VALIDATION_FAILED');
    const long = await call(owner, 'send_message', {
      conversationId: tenant.idOf('conversations'),
      content: 'ä'.repeat(600_000),
    });
    expect(long.failure).toBe('content: Must have at most 1 MiB.');
    const { prisma, database } = installation.app.services;
    const mine = await installation.tenant();
    await database.transactionAs(contextOf(mine), () =>
      prisma.conversation.updateMany({
        where: { id: mine.idOf('conversations') },
        data: { status: 'COMPLETED', completedAt: new Date() },
      }),
    );
    const client = await installation.connect(await installation.token(mine));
    const late = await call(client, 'send_message', { conversationId: mine.idOf('conversations'), content: 'One more' });
    expect(late).toMatchObject({ code: 'INVALID_STATE', failure: expect.stringContaining('completed') });
  });

  test('with long messages are read in pages within the size limit', async () => {
    const mine = await installation.tenant();
    const client = await installation.connect(await installation.token(mine));
    const conversationId = mine.idOf('conversations');
    for (const letter of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const { failure } = await call(client, 'send_message', { conversationId, content: letter.repeat(110_000) });
      expect(failure).toBeUndefined();
    }
    const lengths: number[] = [];
    type Read = { messages: { sequence: number; role: string; content: string; cut: boolean }[]; more: boolean };
    for (let after = 2, more = true; more; ) {
      const { output } = await call<Read>(client, 'read_messages', { conversationId, after });
      const userMessages = (output?.messages ?? []).filter(({ role }) => role === 'USER');
      expect(userMessages.every(({ cut }) => cut)).toBe(true);
      expect(userMessages.length).toBeLessThan(6);
      lengths.push(...userMessages.map(({ content }) => content.length));
      after = output?.messages.at(-1)?.sequence ?? Number.NaN;
      more = output?.more ?? false;
    }
    expect(lengths).toEqual(new Array(6).fill(100_000));
  });
});

test('an unknown tool is a protocol error', async () => {
  await expect(owner.callTool({ name: 'drop_tables', arguments: {} })).rejects.toMatchObject({ code: -32602 });
});
