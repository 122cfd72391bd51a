import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendMessage } from '../../../src/modules/conversations/append-message.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { asViewer, contextOf, randomHash, type TestTenant } from '../../testkit/tenants.ts';
import { type Installation, startInstallation } from './mcp-installation.ts';

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

const documentUri = (id: string) => `agentbase://documents/${id}`;
const conversationUri = (id: string) => `agentbase://conversations/${id}`;

/** Reads all pages by following the cursors. */
async function listAll(client: Client): Promise<{ uris: string[]; pages: number }> {
  const uris: string[] = [];
  let pages = 0;
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await client.listResources({ cursor });
    pages += 1;
    uris.push(...page.resources.map(({ uri }) => uri));
    cursor = page.nextCursor;
  }
  return { uris, pages };
}

describe('the list', () => {
  test('has only the documents and conversations of the tenant', async () => {
    const { uris, pages } = await listAll(owner);
    expect(pages).toBe(1);
    expect(uris).toEqual([conversationUri(tenant.idOf('conversations')), documentUri(tenant.idOf('documents'))]);
    const { resources } = await owner.listResources();
    expect(resources[1]).toEqual({
      uri: documentUri(tenant.idOf('documents')),
      name: 'Document',
      title: 'Document',
      description: 'The text of a document of type text/plain.',
      mimeType: 'text/plain',
      annotations: { lastModified: expect.any(String) },
    });
    const { resourceTemplates } = await owner.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate, mimeType }) => [uriTemplate, mimeType])).toEqual([
      ['agentbase://conversations/{id}', 'application/json'],
      ['agentbase://documents/{id}', 'text/plain'],
    ]);
  });

  test('is paginated without gaps or duplicates', async () => {
    const mine = await installation.tenant();
    const { prisma, database } = installation.app.services;
    const ids = Array.from({ length: 120 }, () => newId());
    await database.transactionAs(contextOf(mine), async () => {
      for (const id of ids) {
        await prisma.conversation.create({
          data: { tenantId: mine.id, id, agentId: mine.idOf('agents'), userId: mine.owner.userId },
        });
      }
    });
    const { uris, pages } = await listAll(await installation.connect(await installation.token(mine)));
    expect(pages).toBe(3);
    const expected = [mine.idOf('documents')].map(documentUri).concat([mine.idOf('conversations'), ...ids].map(conversationUri));
    expect(uris.toSorted()).toEqual(expected.toSorted());
  });

  test('shows only what the credential may read', async () => {
    const reader = await installation.connect(await installation.key(tenant, ['knowledge:read']));
    expect((await listAll(reader)).uris).toEqual([documentUri(tenant.idOf('documents'))]);
    expect((await reader.listResourceTemplates()).resourceTemplates).toHaveLength(1);
    const conversationReader = await installation.connect(await installation.key(tenant, ['conversations:read']));
    expect((await listAll(conversationReader)).uris).toEqual([conversationUri(tenant.idOf('conversations'))]);
    const auditReader = await installation.connect(await installation.key(tenant, ['audit:read']));
    expect((await listAll(auditReader)).uris).toEqual([]);
  });

  test.each([
    'nonsense',
    Buffer.from('["document"]').toString('base64url'),
    Buffer.from('["agents",null]').toString('base64url'),
  ])('rejects the cursor %s', async (cursor) => {
    await expect(owner.listResources({ cursor })).rejects.toMatchObject({ code: -32602 });
  });

  test('omits deleted and pending documents', async () => {
    const mine = await installation.tenant();
    const { prisma, database } = installation.app.services;
    const client = await installation.connect(await installation.key(mine, ['knowledge:read']));
    await database.transactionAs(contextOf(mine), () =>
      prisma.document.updateMany({ where: { id: mine.idOf('documents') }, data: { status: 'PENDING' } }),
    );
    expect((await listAll(client)).uris).toEqual([]);
    await database.transactionAs(contextOf(mine), () =>
      prisma.document.updateMany({ where: { id: mine.idOf('documents') }, data: { status: 'INDEXED', deletedAt: new Date() } }),
    );
    expect((await listAll(client)).uris).toEqual([]);
    await expect(client.readResource({ uri: documentUri(mine.idOf('documents')) })).rejects.toMatchObject({ code: -32002 });
  });
});

describe('a document', () => {
  test('returns the text of its chunks', async () => {
    const uri = documentUri(tenant.idOf('documents'));
    expect((await owner.readResource({ uri })).contents).toEqual([
      {
        uri,
        mimeType: 'text/plain',
        text: 'Hello there',
        _meta: { 'agentbase/title': 'Document', 'agentbase/passages': 1, 'agentbase/passagesOfAll': 1 },
      },
    ]);
  });

  test('that is too long is cut after a whole chunk and states the total', async () => {
    const mine = await installation.tenant();
    const { prisma, database } = installation.app.services;
    const documentId = newId();
    const contentHash = randomHash();
    const vector = `[1${',0'.repeat(1535)}]`;
    await database.transactionAs(contextOf(mine), async () => {
      await prisma.document.create({
        data: {
          tenantId: mine.id,
          id: documentId,
          collectionId: mine.idOf('collections'),
          title: 'Long',
          mediaType: 'text/plain',
          sizeBytes: 1,
          contentHash,
          storageKey: `${mine.id}/${mine.idOf('collections')}/${contentHash}`,
        },
      });
      await prisma.$executeRaw`INSERT INTO chunks (tenant_id, id, collection_id, document_id, position, content, token_count, embedding_model, embedding)
        SELECT ${mine.id}::uuid, gen_random_uuid(), ${mine.idOf('collections')}::uuid, ${documentId}::uuid, n, 'Passage ' || n || repeat(' word', 600), 1, 'local-lexical', ${vector}::vector
        FROM generate_series(0, 249) AS n`;
    });
    const client = await installation.connect(await installation.key(mine, ['knowledge:read']));
    const { contents } = await client.readResource({ uri: documentUri(documentId) });
    const [content] = contents as unknown as [{ text: string; _meta: Record<string, number> }];
    const read = content._meta['agentbase/passages'] ?? 0;
    expect(content._meta['agentbase/passagesOfAll']).toBe(250);
    expect(content.text.match(/Passage \d+/g)).toEqual(Array.from({ length: read }, (_, index) => `Passage ${index}`));
    expect(content.text.endsWith(' word')).toBe(true);
    expect(read).toBeGreaterThan(100);
    expect(content.text.length).toBeLessThan(401_000);
  });
});

describe('a conversation', () => {
  test('returns JSON with its newest messages in order', async () => {
    const uri = conversationUri(tenant.idOf('conversations'));
    const { contents } = await owner.readResource({ uri });
    const [content] = contents as [{ uri: string; mimeType: string; text: string }];
    expect(content).toMatchObject({ uri, mimeType: 'application/json' });
    expect(JSON.parse(content.text)).toMatchObject({
      id: tenant.idOf('conversations'),
      agentId: tenant.idOf('agents'),
      title: 'Conversation',
      messageCount: 2,
      messages: [
        { sequence: 1, role: 'USER', content: 'Hello' },
        { sequence: 2, role: 'ASSISTANT', content: 'Good day' },
      ],
    });
  });

  test('that is too long returns its last messages', async () => {
    const mine = await installation.tenant();
    const client = await installation.connect(await installation.token(mine));
    const { services } = installation.app;
    for (let number = 3; number <= 8; number += 1) {
      const message = { conversationId: mine.idOf('conversations'), role: 'USER', content: `${number} `.repeat(60_000) } as const;
      await services.database.transactionAs(contextOf(mine), () => appendMessage(services, asViewer(mine), message));
    }
    const { contents } = await client.readResource({ uri: conversationUri(mine.idOf('conversations')) });
    const { messages } = JSON.parse((contents as unknown as [{ text: string }])[0].text) as {
      messages: { sequence: number; cut: boolean }[];
    };
    expect(messages).toMatchObject([7, 8].map((sequence) => ({ sequence, cut: true })));
  });
});

describe('an unreadable resource', () => {
  test.each([
    ['a document of another tenant', () => documentUri(other.idOf('documents'))],
    ['a conversation of another tenant', () => conversationUri(other.idOf('conversations'))],
    ['an unknown id', () => documentUri(newId())],
    ['a malformed id', () => documentUri('1')],
    ['another type', () => 'agentbase://agents/1'],
    ['another scheme', () => 'file:///etc/passwd'],
    ['a path after the id', () => `${documentUri(tenant.idOf('documents'))}/../${tenant.idOf('documents')}`],
  ])('%s is not found', async (_title, uri) => {
    await expect(owner.readResource({ uri: uri() })).rejects.toMatchObject({ code: -32002, data: { code: 'NOT_FOUND' } });
  });

  test('is forbidden without the scope, whether or not it exists', async () => {
    const reader = await installation.connect(await installation.key(tenant, ['knowledge:read']));
    for (const id of [tenant.idOf('conversations'), other.idOf('conversations')]) {
      await expect(reader.readResource({ uri: conversationUri(id) })).rejects.toMatchObject({
        code: -32600,
        data: { code: 'FORBIDDEN' },
      });
    }
  });
});

describe('the prompt', () => {
  test('returns chunks and the question', async () => {
    expect((await owner.listPrompts()).prompts).toMatchObject([
      {
        name: 'answer_from_knowledge',
        arguments: [
          { name: 'question', required: true },
          { name: 'collection', required: false },
        ],
      },
    ]);
    const { messages } = await owner.getPrompt({
      name: 'answer_from_knowledge',
      arguments: { question: 'Where is hello there?' },
    });
    const resource = { uri: documentUri(tenant.idOf('documents')), mimeType: 'text/plain', text: 'Hello there' };
    expect(messages).toEqual([
      { role: 'user', content: { type: 'resource', resource } },
      { role: 'user', content: { type: 'text', text: expect.stringMatching(/Where is hello there\?$/) } },
    ]);
  });

  test('completes only slugs of the tenant', async () => {
    const complete = async (client: Client, value: string) => {
      const ref = { type: 'ref/prompt' as const, name: 'answer_from_knowledge' };
      return (await client.complete({ ref, argument: { name: 'collection', value } })).completion.values;
    };
    const [slug] = await complete(owner, 'coll');
    expect(slug).toMatch(/^collection-/);
    expect(await complete(owner, slug ?? '')).toEqual([slug]);
    expect(await complete(owner, 'nothing')).toEqual([]);
    const stranger = await installation.connect(await installation.token(other));
    expect(await complete(stranger, slug ?? '')).toEqual([]);
    const rejected = stranger.getPrompt({
      name: 'answer_from_knowledge',
      arguments: { question: 'Hello?', collection: slug ?? '' },
    });
    await expect(rejected).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
  });

  test('is refused without a question, without a permission, or by an unknown name', async () => {
    const empty = owner.getPrompt({ name: 'answer_from_knowledge', arguments: {} });
    await expect(empty).rejects.toMatchObject({ code: -32602, message: expect.stringContaining('arguments.question') });
    await expect(owner.getPrompt({ name: 'another' })).rejects.toMatchObject({ code: -32602 });
    const conversationReader = await installation.connect(await installation.key(tenant, ['conversations:read']));
    expect((await conversationReader.listPrompts()).prompts).toEqual([]);
    const rejected = conversationReader.getPrompt({ name: 'answer_from_knowledge', arguments: { question: 'Hello?' } });
    await expect(rejected).rejects.toMatchObject({ data: { code: 'FORBIDDEN' } });
  });
});
