import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, documentState, find, startWorker, until, untilRead, upload } from '../../testkit/knowledge.ts';
import { sampleDocx, samplePdf } from '../../testkit/sample-files.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let viewer: Viewer;
let worker: { close(): Promise<void> };

beforeAll(async () => {
  graph = await testGraph();
  viewer = asViewer(await createTenant(graph));
  worker = await startWorker(graph);
});
afterAll(() => worker.close());

const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const project = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url));

test('indexes and finds files of every format', async () => {
  const collection = await addCollection(graph, viewer, { chunkSize: 200 });
  const pdf = await samplePdf(['The annual report begins here.', 'On page two, turnover rose by seventeen percent.']);
  const docx = await sampleDocx([{ heading: 'Travel', paragraphs: ['Employees book trains in the second class.'] }]);
  const files: [name: string, type: string, bytes: Uint8Array | string, query: string, section: string | null][] = [
    ['report.pdf', 'application/pdf', pdf, 'How much did turnover rise?', null],
    ['travel.docx', DOCX, docx, 'Which class do employees book?', 'Travel'],
    [
      'page.html',
      'text/html',
      '<h1>Opening hours</h1><p>The shop opens at nine.</p><script>steal()</script>',
      'When does the shop open?',
      'Opening hours',
    ],
    [
      'architecture.md',
      'text/markdown',
      project('docs/architecture.md'),
      'What does row-level security do with a VIEWER being read-only?',
      'Isolation',
    ],
    ['notes.txt', 'text/plain', 'The cellar key hangs behind the kitchen door.', 'Where is the cellar key?', null],
    ['stock.csv', 'text/csv', 'article,shelf\nhammer,A3\npliers,B7\n', 'pliers shelf', null],
    ['package.json', 'application/json', project('package.json'), 'license MIT', null],
  ];
  const ids: string[] = [];
  for (const [name, type, bytes] of files)
    ids.push((await upload(graph, viewer, collection, new File([bytes as BlobPart], name, { type }))).id);
  for (const id of ids) expect(await untilRead(graph, viewer, id)).toMatchObject({ status: 'INDEXED', errorMessage: null });
  for (const [index, [name, , , query, section]] of files.entries()) {
    const { hits } = await find(graph, viewer, { query, collectionIds: [collection], topK: 3 });
    const hit = hits.find(({ document }) => document.id === ids[index]);
    expect(hit, `${name}: ${query} → ${JSON.stringify(hits.map(({ document }) => document.title))}`).toBeTruthy();
    if (section)
      expect(
        hits.filter(({ document }) => document.id === ids[index]).some((one) => one.chunk.section?.includes(section)),
        name,
      ).toBe(true);
  }
  const [best] = (await find(graph, viewer, { query: 'turnover percent', collectionIds: [collection] })).hits;
  expect(best?.chunk.page).toBe(2);
  expect(best?.excerpt).toContain('**turnover**');
});

test('counts match the rows at every point of processing, and a document reports its progress', async () => {
  const collection = await addCollection(graph, viewer, { chunkSize: 32, chunkOverlap: 0 });
  const text = Array.from({ length: 300 }, (_, number) => `Sentence number ${number} speaks of thing ${number * 7}.`).join(' ');
  const { id } = await addText(graph, viewer, collection, { text });
  const { chunkCount, totalChunks } = await untilRead(graph, viewer, id);
  expect(chunkCount).toBe(totalChunks);
  expect(chunkCount).toBeGreaterThan(64);
  const counts = await graph.execute(
    viewer,
    'query ($id: ID!, $document: ID!) { collection(id: $id) { documentCount chunkCount } document(id: $document) { progress chunks(first: 100) { totalCount nodes { position tokenCount } } } }',
    { id: collection, document: id },
  );
  expect(pick(counts, 'collection')).toEqual({ documentCount: 1, chunkCount });
  expect(pick(counts, 'document.progress')).toBe(1);
  expect(pick(counts, 'document.chunks.totalCount')).toBe(chunkCount);
  const nodes = pick<{ position: number; tokenCount: number }[]>(counts, 'document.chunks.nodes');
  expect(nodes.map(({ position }) => position)).toEqual(nodes.map((_, index) => index));
  expect(Math.max(...nodes.map(({ tokenCount }) => tokenCount))).toBeLessThanOrEqual(32);
});

test('the same bytes are one document per collection, whatever the title', async () => {
  const collection = await addCollection(graph, viewer);
  const first = await addText(graph, viewer, collection, { title: 'One', text: 'The same words.' });
  await untilRead(graph, viewer, first.id);
  const second = await addText(graph, viewer, collection, { title: 'Two', text: 'The same words.' });
  expect(second).toEqual({ id: first.id, duplicate: true });
  expect((await documentState(graph, viewer, first.id)).status).toBe('INDEXED');
  const elsewhere = await addText(graph, viewer, await addCollection(graph, viewer), { text: 'The same words.' });
  expect(elsewhere.duplicate).toBe(false);
  const both = await Promise.all([1, 2, 3].map(() => addText(graph, viewer, collection, { text: 'Three at once.' })));
  expect(new Set(both.map(({ id }) => id)).size).toBe(1);
  const counted = await graph.execute(viewer, 'query ($id: ID!) { collection(id: $id) { documentCount } }', { id: collection });
  expect(pick(counted, 'collection.documentCount')).toBe(2);
});

test('processes a failed document again when it is uploaded with the correct filename', async () => {
  const collection = await addCollection(graph, viewer);
  const bytes = ['{ no JSON, but a sentence about lighthouses.'];
  const { id } = await upload(graph, viewer, collection, new File(bytes, 'words.json', { type: 'application/json' }));
  expect((await untilRead(graph, viewer, id)).errorCode).toBe('DAMAGED');
  expect(await upload(graph, viewer, collection, new File(bytes, 'words.txt', { type: 'text/plain' }))).toEqual({
    id,
    duplicate: true,
  });
  expect(await untilRead(graph, viewer, id)).toMatchObject({ status: 'INDEXED', errorMessage: null });
  const answer = await graph.execute(viewer, 'query ($id: ID!) { document(id: $id) { filename mediaType } }', { id });
  expect(pick(answer, 'document')).toEqual({ filename: 'words.txt', mediaType: 'text/plain' });
});

test('a deleted document is excluded from searches, can be restored, and is purged with its file', async () => {
  const collection = await addCollection(graph, viewer);
  const { id } = await addText(graph, viewer, collection, { title: 'Secret', text: 'The treasure lies under the old oak.' });
  await untilRead(graph, viewer, id);
  const search = () => find(graph, viewer, { query: 'treasure oak', collectionIds: [collection] });
  expect((await search()).returned).toBe(1);
  const remove = (name: string) =>
    graph.execute(
      viewer,
      `mutation ($id: ID!) { r: ${name}(input: { id: $id }) { ... on ${name.charAt(0).toUpperCase()}${name.slice(1)}Payload { document { uuid deletedAt status collection { documentCount chunkCount } } } ... on UserError { message } } }`,
      { id },
    );
  const deleted = await remove('deleteDocument');
  expect(pick(deleted, 'r.document.collection')).toEqual({ documentCount: 0, chunkCount: 0 });
  expect((await search()).returned).toBe(0);
  expect(pick(await remove('deleteDocument'), 'r.message')).toBe('The document is deleted. Restore it first.');
  const lists = await graph.execute(
    viewer,
    'query ($id: ID!) { collection(id: $id) { documents { nodes { id } } gone: documents(filter: { deleted: true }) { nodes { id } } } }',
    { id: collection },
  );
  expect(pick(lists, 'collection')).toEqual({ documents: { nodes: [] }, gone: { nodes: [{ id }] } });
  expect(pick(await remove('restoreDocument'), 'r.document.deletedAt')).toBeNull();
  expect((await untilRead(graph, viewer, id)).status).toBe('INDEXED');
  expect((await search()).returned).toBe(1);

  // Another upload of the same bytes restores the document.
  await remove('deleteDocument');
  const again = await addText(graph, viewer, collection, { title: 'Anew', text: 'The treasure lies under the old oak.' });
  expect(again).toEqual({ id, duplicate: false });
  expect((await untilRead(graph, viewer, id)).status).toBe('INDEXED');

  await remove('deleteDocument');
  const [{ storage_key: key }] = (await graph.ownerQuery<{ storage_key: string }>(
    'SELECT storage_key FROM documents WHERE deleted_at IS NOT NULL AND collection_id = $1',
    [Buffer.from(collection, 'base64url').toString().split(':')[1]],
  )) as [{ storage_key: string }];
  const { purgeDocument } = await import('../../../src/modules/knowledge/documents/documents.ts');
  const { runWithContext } = await import('../../../src/platform/postgres/request-scope.ts');
  const uuid = Buffer.from(id, 'base64url').toString().split(':')[1] as string;
  const purge = (keepDeletedDays: number) =>
    runWithContext({ tenantId: viewer.tenantId }, () =>
      purgeDocument({ ...graph.services, knowledgeLimits: { ...graph.services.knowledgeLimits, keepDeletedDays } }, uuid),
    );
  await purge(30);
  expect(await graph.services.storage.exists(key)).toBe(true);
  await purge(0);
  expect(await graph.services.storage.exists(key)).toBe(false);
  expect((await graph.execute(viewer, 'query ($id: ID!) { document(id: $id) { id } }', { id })).data).toEqual({ document: null });
});

test('an unreadable document becomes FAILED with an error, and the worker continues', async () => {
  const collection = await addCollection(graph, viewer);
  const bad: [File, RegExp][] = [
    [new File(['%PDF-1.7 and then nothing'], 'broken.pdf'), /DAMAGED/],
    [new File([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')], 'picture.txt', { type: 'text/plain' }), /WRONG_TYPE/],
    [new File(['   \n\n  '], 'blank.txt'), /NO_TEXT|EMPTY/],
    [new File(['{"a":'], 'broken.json'), /DAMAGED/],
  ];
  for (const [file, code] of bad) {
    const { id } = await upload(graph, viewer, collection, file);
    const state = await untilRead(graph, viewer, id);
    expect(state, file.name).toMatchObject({ status: 'FAILED', chunkCount: 0, errorCode: expect.stringMatching(code) });
    expect(state.errorMessage, file.name).toMatch(/^[A-Z].{15,}\.$/s);
    // Another upload retries the processing.
    expect(await upload(graph, viewer, collection, file)).toEqual({ id, duplicate: true });
    await untilRead(graph, viewer, id);
  }
  const { id } = await addText(graph, viewer, collection, { text: 'Still alive.' });
  expect((await untilRead(graph, viewer, id)).status).toBe('INDEXED');
});

test('reprocessing a collection replaces its chunks according to the new settings', async () => {
  const collection = await addCollection(graph, viewer, { chunkSize: 256 });
  const text = Array.from({ length: 80 }, (_, number) => `Line ${number} of the long text about gardens.`).join('\n');
  const { id } = await addText(graph, viewer, collection, { text });
  const before = await untilRead(graph, viewer, id);
  const refused = await graph.execute(
    viewer,
    'mutation ($id: ID!) { r: updateCollection(input: { id: $id, language: "german" }) { ... on UserError { code message } } }',
    { id: collection },
  );
  expect(pick(refused, 'r.code')).toBe('INVALID_STATE');
  const changed = await graph.execute(
    viewer,
    'mutation ($id: ID!) { r: reprocessCollection(input: { id: $id, chunkSize: 32, chunkOverlap: 0, language: "german" }) { ... on ReprocessCollectionPayload { collection { language chunkCount } } } }',
    { id: collection },
  );
  expect(pick(changed, 'r.collection')).toEqual({ language: 'german', chunkCount: 0 });
  const after = await until(
    () => documentState(graph, viewer, id),
    ({ status }) => status === 'INDEXED',
  );
  expect(after.chunkCount).toBeGreaterThan(before.chunkCount * 3);
});
