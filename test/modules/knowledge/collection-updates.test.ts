import { Readable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { Document } from '../../../src/modules/knowledge/documents/document.ts';
import { updateDocument } from '../../../src/modules/knowledge/documents/document-mutations.ts';
import { addDocument, deleteDocument, restoreDocument } from '../../../src/modules/knowledge/documents/documents.ts';
import { processDocument } from '../../../src/modules/knowledge/documents/process-document.ts';
import { receiveDocument } from '../../../src/modules/knowledge/documents/receive-document.ts';
import { permissionsOfScope } from '../../../src/platform/auth/permissions.ts';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { type Changed, publishChange } from '../../../src/platform/live/change-log.ts';
import type { LiveOptions } from '../../../src/platform/live/live.ts';
import { createLive } from '../../../src/platform/live/live-views.ts';
import { createMemoryNoticeBus } from '../../../src/platform/live/transport/notice-bus.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { interruptible, quiet, range } from '../../platform/live/live-harness.ts';
import { open, type Subscription } from '../../platform/live/open-subscription.ts';
import { testGraph } from '../../testkit/graph.ts';
import { asViewer, contextOf, createTenant, randomHash } from '../../testkit/tenants.ts';

const graph = await testGraph();
const { prisma, database } = graph;

async function createRoom(options: Partial<LiveOptions> = {}) {
  const tenant = await createTenant(graph, { members: ['VIEWER'], rows: ['documents', 'collections'] });
  const viewer = asViewer(tenant);
  const live = createLive({
    database,
    transport: createMemoryNoticeBus(),
    revalidate: async () => true,
    log: quiet,
    pollIntervalMs: 600_000,
    revalidateIntervalMs: 600_000,
    ...options,
  });
  const services = { ...graph.services, live };
  const id = tenant.idOf('collections');
  const inTransaction = <T>(work: () => Promise<T>) => database.transactionAs(contextOf(tenant), work);
  return {
    tenant,
    viewer,
    live,
    services,
    inTransaction,
    variables: { id: encodeGlobalId('Collection', id) },
    follow: (after?: number) => live.subscribe(Document.log, { viewer, dbContext: contextOf(tenant), id, after }),
    /** Inserts a document without the module's functions and publishes the change. */
    add: (title: string, collectionId = id) =>
      inTransaction(async () => {
        const contentHash = randomHash();
        const { changeSequence } = await prisma.document.create({
          data: {
            tenantId: tenant.id,
            id: newId(),
            collectionId,
            title,
            mediaType: 'text/plain',
            sizeBytes: 5_000_000_000,
            contentHash,
            storageKey: `${tenant.id}/${collectionId}/${contentHash}`,
          },
        });
        publishChange(live, Document.log, { tenantId: tenant.id, id: collectionId, sequence: changeSequence });
      }),
  };
}

async function titles(reader: AsyncIterator<Changed<Document>>, count: number): Promise<string[]> {
  const delivered: string[] = [];
  while (delivered.length < count) delivered.push((await reader.next()).value?.title ?? 'ended');
  return delivered;
}

const UPDATED = `subscription ($id: ID!) { documentUpdated(collectionId: $id) {
  title status progress chunkCount totalChunks deletedAt errorCode sizeBytes metadata collection { documentCount } } }`;

/** Reads events until a document matches the expectation. Returns all documents read. */
async function untilDelivered(events: Subscription, expected: Record<string, unknown>): Promise<Record<string, unknown>[]> {
  const seen: Record<string, unknown>[] = [];
  for (;;) {
    const result = await events.next();
    const document = result?.data?.documentUpdated as Record<string, unknown> | undefined;
    if (!document) throw new Error(`${JSON.stringify(result)} after ${JSON.stringify(seen.map(({ status }) => status))}`);
    seen.push(document);
    if (Object.entries(expected).every(([field, value]) => document[field] === value)) return seen;
  }
}

describe('change log of a collection', () => {
  test('delivers complete rows with the number of their last change', async () => {
    const { live, tenant, follow } = await createRoom();
    const reader = await follow(0);
    const { value } = await reader.next();
    const row = await database.transactionAs(contextOf(tenant), async () =>
      prisma.document.findFirstOrThrow({ where: { id: tenant.idOf('documents') } }),
    );
    expect(value).toEqual({ ...row, sequence: Number(row.changeSequence) });
    await live.close();
  });

  test('skips numbers of deleted documents without further queries', async () => {
    const { live, tenant, inTransaction, follow, add } = await createRoom({ pollIntervalMs: 10 });
    const reader = await follow();
    const first = titles(reader, 1);
    await add('One');
    expect(await first).toEqual(['One']);
    await inTransaction(
      async () => void (await prisma.document.deleteMany({ where: { collectionId: tenant.idOf('collections') } })),
    );
    const statements: string[] = [];
    const { onStatement } = database;
    database.onStatement = (text) => void statements.push(text);
    const count = (pattern: RegExp) => statements.filter((text) => pattern.test(text)).length;
    await vi.waitFor(() => expect(count(/change_sequence::float8 AS sequence FROM "collections"/)).toBeGreaterThan(5));
    database.onStatement = onStatement;
    expect(count(/change_sequence::float8 AS sequence FROM "documents"/)).toBeLessThanOrEqual(1);
    const next = titles(reader, 1);
    await add('Two');
    expect(await next).toEqual(['Two']);
    await live.close();
  });

  test('delivers every document under concurrent changes', async () => {
    const { live, follow, add } = await createRoom({ batchSize: 3, bufferSize: 8, pollIntervalMs: 50 });
    const readers = await Promise.all(range(1, 5).map(() => follow()));
    const names = range(1, 40).map((number) => `Document ${number}`);
    const answers = Promise.all(readers.map((reader) => titles(reader, names.length)));
    await Promise.all(names.map((name) => add(name)));
    for (const delivered of await answers) expect(delivered.toSorted()).toEqual(names.toSorted());
    await live.close();
  });

  test('continues after a database outage', async () => {
    const away = interruptible(graph, () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
    const { live, follow, add } = await createRoom({ database: away.database, pollIntervalMs: 10 });
    const reader = await follow();
    const next = titles(reader, 1);
    away.state.away = true;
    await add('Meanwhile');
    await expect(follow()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    away.state.away = false;
    expect(await next).toEqual(['Meanwhile']);
    await live.close();
  });
});

describe('documentUpdated', () => {
  test('delivers a document from upload to deletion and restoration', async () => {
    const { live, viewer, tenant, services, inTransaction, variables } = await createRoom();
    const events = await open(graph, live, asViewer(tenant, 'VIEWER'), UPDATED, variables);
    const incoming = {
      collectionId: tenant.idOf('collections'),
      mediaType: 'text/plain' as const,
      title: 'Garden',
      metadata: { season: 'spring' },
      source: Readable.from(range(1, 40).map((number) => `Sentence ${number} is about roses and tulips. `)),
      path: [],
    };
    const received = await runWithContext(contextOf(tenant), () => receiveDocument(services, incoming));
    const added = events.next();
    const { id } = (await inTransaction(() => addDocument(services, viewer, received))).document;
    expect((await added)?.data?.documentUpdated).toMatchObject({
      title: 'Garden',
      status: 'PENDING',
      progress: 0,
      totalChunks: null,
    });

    const indexed = untilDelivered(events, { status: 'INDEXED' });
    const signal = new AbortController().signal;
    await processDocument(services, { tenantId: tenant.id, documentId: id, signal, lastAttempt: true });
    const seen = await indexed;
    expect(seen.map(({ status }) => status)).toEqual(expect.arrayContaining(['PROCESSING', 'INDEXED']));
    const chunkCount = seen.at(-1)?.chunkCount;
    expect(chunkCount).toBeGreaterThan(0);
    expect(seen.at(-1)).toEqual({
      title: 'Garden',
      status: 'INDEXED',
      progress: 1,
      chunkCount,
      totalChunks: chunkCount,
      deletedAt: null,
      errorCode: null,
      sizeBytes: expect.any(Number),
      metadata: { season: 'spring' },
      collection: { documentCount: 2 },
    });

    const renamed = untilDelivered(events, { title: 'Park' });
    await inTransaction(() => updateDocument({ ...services, viewer }, id, { title: 'Park' }));
    await renamed;
    const deleted = events.next();
    await inTransaction(() => deleteDocument(services, viewer, id));
    expect((await deleted)?.data?.documentUpdated).toMatchObject({
      title: 'Park',
      deletedAt: expect.any(Date),
      chunkCount: 0,
      collection: { documentCount: 1 },
    });
    const restored = events.next();
    await inTransaction(() => restoreDocument(services, viewer, id));
    expect((await restored)?.data?.documentUpdated).toMatchObject({ deletedAt: null, status: 'PENDING' });
    await events.return();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });

  test('delivers neither earlier changes nor documents of other collections', async () => {
    const { live, tenant, inTransaction, add, viewer, variables } = await createRoom();
    const other = newId();
    await inTransaction(async () => {
      const embedding = { embeddingModel: 'local-lexical', embeddingDimensions: 1536 };
      await prisma.collection.create({ data: { tenantId: tenant.id, id: other, name: 'Other', slug: 'other', ...embedding } });
    });
    const events = await open(graph, live, viewer, UPDATED, variables);
    await add('Elsewhere', other);
    await add('Here');
    expect((await events.next())?.data?.documentUpdated).toMatchObject({ title: 'Here', sizeBytes: 5_000_000_000 });
    await events.return();
    await live.close();
  });

  test('ends with an error that contains the code and the remedy', async () => {
    let holds = true;
    const { live, viewer, variables } = await createRoom({ revalidate: async () => holds, revalidateIntervalMs: 10 });
    const events = await open(graph, live, viewer, UPDATED, variables);
    const last = events.next();
    holds = false;
    expect((await last)?.errors?.[0]).toMatchObject({
      message: expect.stringContaining('query the list of documents'),
      path: ['documentUpdated'],
      extensions: { code: 'FORBIDDEN' },
    });
    expect(await events.next()).toBeUndefined();
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });

  test('rejects unauthenticated viewers, other tenants and missing permissions when subscribing', async () => {
    const { live, viewer, variables } = await createRoom();
    const stranger = await createTenant(graph, { rows: ['documents', 'collections'] });
    await expect(open(graph, live, null, UPDATED, variables)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    const refused = { code: 'NOT_FOUND', message: 'The collection was not found.' };
    await expect(open(graph, live, asViewer(stranger), UPDATED, variables)).rejects.toMatchObject(refused);
    const narrow = { ...viewer, apiKeyId: newId(), permissions: new Set(permissionsOfScope('agents:read')) };
    await expect(open(graph, live, narrow, UPDATED, variables)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const foreign = { id: encodeGlobalId('Document', newId()) };
    await expect(open(graph, live, viewer, UPDATED, foreign)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      inputPath: ['collectionId'],
    });
    expect(live.stats()).toEqual({ feeds: 0, subscribers: 0, timers: 0 });
    await live.close();
  });
});
