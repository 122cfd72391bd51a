import { beforeAll, expect, test } from 'vitest';
import { purgeDocument } from '../../../src/modules/knowledge/documents/documents.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import type { Storage } from '../../../src/platform/storage/storage.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, startWorker, until } from '../../testkit/knowledge.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let viewer: Viewer;

beforeAll(async () => {
  graph = await testGraph();
  viewer = asViewer(await createTenant(graph));
});

const uuidOf = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1] as string;

const DOCUMENTS = 30;
const ROUNDS = 15;

test('reprocesses a collection and adds documents while workers process it, without a failed request or job', {
  timeout: 120_000,
}, async () => {
  const collection = await addCollection(graph, viewer, { chunkSize: 32, chunkOverlap: 0 });
  const text = (number: number) =>
    Array.from({ length: 40 }, (_, index) => `Document ${number} has sentence ${index} of its own.`).join(' ');
  for (let number = 0; number < DOCUMENTS; number++) await addText(graph, viewer, collection, { text: text(number) });
  const problems: unknown[] = [];
  const log = Object.assign(Object.create(graph.services.log), { error: (problem: unknown) => problems.push(problem) });
  const workers = await Promise.all([startWorker(graph, { log }), startWorker(graph, { log })]);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const [reprocessed] = await Promise.all([
        graph.execute(viewer, 'mutation ($id: ID!) { r: reprocessCollection(input: { id: $id }) { __typename } }', {
          id: collection,
        }),
        addText(graph, viewer, collection, { text: text(round) }),
        addText(graph, viewer, collection, { text: text(DOCUMENTS + round) }),
      ]);
      expect(reprocessed.messages).toEqual([]);
      expect(pick(reprocessed, 'r.__typename')).toBe('ReprocessCollectionPayload');
    }
    const statuses = () =>
      graph.ownerQuery<{ status: string }>('SELECT DISTINCT status FROM documents WHERE collection_id = $1', [
        uuidOf(collection),
      ]);
    await until(statuses, (found) => found.length === 1 && found[0]?.status === 'INDEXED', 60_000);
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
  expect(problems).toEqual([]);
  const failed = await graph.ownerQuery("SELECT output FROM pgboss.job WHERE retry_count > 0 AND data ->> 'tenantId' = $1", [
    viewer.tenantId,
  ]);
  expect(failed).toEqual([]);
  const [counts] = await graph.ownerQuery(
    `SELECT c.document_count, c.chunk_count, (SELECT count(*)::int FROM documents d WHERE d.collection_id = c.id) AS documents,
      (SELECT count(*)::int FROM chunks k WHERE k.collection_id = c.id) AS chunks FROM collections c WHERE c.id = $1`,
    [uuidOf(collection)],
  );
  const { chunks } = counts as { chunks: number };
  expect(counts).toEqual({ document_count: DOCUMENTS + ROUNDS, documents: DOCUMENTS + ROUNDS, chunk_count: chunks, chunks });
});

test('a purge does not block other writers of the collection while it waits for the storage', async () => {
  const collection = await addCollection(graph, viewer);
  const { id } = await addText(graph, viewer, collection, { text: 'What goes.' });
  await graph.execute(viewer, 'mutation ($id: ID!) { deleteDocument(input: { id: $id }) { __typename } }', { id });
  const asked = Promise.withResolvers<void>();
  const removed = Promise.withResolvers<void>();
  const storage = Object.assign(Object.create(graph.services.storage) as Storage, {
    remove: () => {
      asked.resolve();
      return removed.promise;
    },
  });
  const services = { ...graph.services, storage, knowledgeLimits: { ...graph.services.knowledgeLimits, keepDeletedDays: 0 } };
  const purged = runWithContext({ tenantId: viewer.tenantId }, () => purgeDocument(services, uuidOf(id)));
  await asked.promise;
  expect((await addText(graph, viewer, collection, { text: 'What comes.' })).duplicate).toBe(false);
  removed.resolve();
  await purged;
  expect(await graph.ownerQuery('SELECT FROM documents WHERE id = $1', [uuidOf(id)])).toEqual([]);
});
