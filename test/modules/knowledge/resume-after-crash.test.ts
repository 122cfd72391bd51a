import { afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { knowledgeJobs } from '../../../src/modules/knowledge/jobs.ts';
import type { Embedder } from '../../../src/platform/ai/embedding/embedder.ts';
import { hashingEmbedder } from '../../../src/platform/ai/embedding/hashing-embedder.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { startJobs } from '../../../src/platform/jobs/jobs.ts';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, find, startWorker, until, untilRead } from '../../testkit/knowledge.ts';
import { jobsPool } from '../../testkit/services.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let viewer: Viewer;
let worker: { close(): Promise<void> } | undefined;

beforeAll(async () => {
  graph = await testGraph();
  viewer = asViewer(await createTenant(graph));
});
afterEach(async () => {
  await worker?.close();
  worker = undefined;
});

const uuidOf = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1] as string;

/** An embedding model that signals its first call and waits for `answer()`. */
function heldEmbedder(): Embedder & { called: Promise<void>; answer(): void } {
  const called = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    id: 'test/held',
    source: undefined,
    dimensions: hashingEmbedder.dimensions,
    called: called.promise,
    answer: () => released.resolve(),
    async embed(texts, options) {
      called.resolve();
      await released.promise;
      return hashingEmbedder.embed(texts, options);
    },
  };
}

test('creates chunks of the new model when the model changes during processing of the first document', async () => {
  const held = heldEmbedder();
  const { models } = graph.services;
  const both = { ...models, embedder: (id: string) => (id === held.id ? held : models.embedder(id)) };
  Object.assign(graph.services, { models: both });
  onTestFinished(() => {
    Object.assign(graph.services, { models });
  });
  const collection = await addCollection(graph, viewer, { embeddingModel: held.id });
  worker = await startWorker(graph);
  const { id } = await addText(graph, viewer, collection, { text: 'The houses stand in the lanes.' });
  await held.called;
  const changed = await graph.execute(
    viewer,
    'mutation ($id: ID!) { r: updateCollection(input: { id: $id, embeddingModel: "local-lexical" }) { ... on UpdateCollectionPayload { collection { embeddingModel } } } }',
    { id: collection },
  );
  expect(pick(changed, 'r.collection.embeddingModel')).toBe('local-lexical');
  held.answer();
  expect(await untilRead(graph, viewer, id)).toMatchObject({ status: 'INDEXED', chunkCount: 1 });
  expect((await find(graph, viewer, { query: 'houses', strategy: 'VECTOR', collectionIds: [collection] })).returned).toBe(1);
});

/** Disables the retries of an object's job. */
async function withoutRetries(id: string): Promise<void> {
  const left = await graph.ownerQuery("UPDATE pgboss.job SET retry_limit = 0 WHERE data ->> 'id' = $1 RETURNING id", [id]);
  expect(left).toHaveLength(1);
}

/** A worker whose jobs of one queue throw, as if the worker had crashed. */
async function startFailingWorker(queue: 'document.process' | 'evaluation.run'): Promise<void> {
  const pool = jobsPool(graph);
  const jobs = await startJobs({ pool, embedded: graph.embedded, works: true, log: createLogger('silent') });
  const failing = async () => {
    throw new Error('died');
  };
  await jobs.work({ ...knowledgeJobs({ ...graph.services, jobs }), [queue]: failing }, 1);
  worker = {
    async close() {
      await jobs.close();
      if (!graph.embedded) await pool.end();
    },
  };
}

test('a document becomes FAILED after its last attempt crashed', async () => {
  const collection = await addCollection(graph, viewer);
  const { id } = await addText(graph, viewer, collection, { text: 'An unreadable text.' });
  await withoutRetries(uuidOf(id));
  await startFailingWorker('document.process');
  expect(await untilRead(graph, viewer, id)).toMatchObject({
    status: 'FAILED',
    errorCode: 'GAVE_UP',
    errorMessage: 'All attempts to process the document failed. Reprocess it, or upload it in another format.',
  });
});

test('an evaluation becomes FAILED after its last attempt crashed', async () => {
  const started = await graph.execute(
    viewer,
    'mutation ($input: RunEvaluationInput!) { r: runEvaluation(input: $input) { ... on RunEvaluationPayload { evaluation { id } } } }',
    {
      input: {
        name: 'Lost',
        collectionIds: [await addCollection(graph, viewer)],
        questions: [{ query: 'x', expectedDocumentIds: [] }],
      },
    },
  );
  const id = pick(started, 'r.evaluation.id');
  await withoutRetries(uuidOf(id));
  await startFailingWorker('evaluation.run');
  const look = async () =>
    pick<{ status: string; errorMessage: string }>(
      await graph.execute(viewer, 'query ($id: ID!) { evaluation(id: $id) { status errorMessage } }', { id }),
      'evaluation',
    );
  expect(await until(look, ({ status }) => status === 'FAILED')).toEqual({
    status: 'FAILED',
    errorMessage: 'All attempts to run the evaluation failed. See the log of the worker for the error.',
  });
});
