import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createModels } from '../../../src/platform/ai/models.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import type { Services } from '../../../src/platform/graphql/context.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, documentState, startWorker, until, untilRead } from '../../testkit/knowledge.ts';
import { fail, type OpenAiServer, startOpenAiServer } from '../../testkit/openai-server.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let viewer: Viewer;
let server: OpenAiServer;
let services: Services;
let worker: { close(): Promise<void> };

beforeAll(async () => {
  graph = await testGraph();
  viewer = asViewer(await createTenant(graph));
  server = await startOpenAiServer();
  const models = createModels({
    embeddings: { provider: 'openai-compatible', model: 'tiny', baseUrl: server.baseUrl, apiKey: 'sk-secret', maxRetries: 0 },
    answers: { provider: 'openai-compatible', model: 'writer', baseUrl: server.baseUrl, apiKey: 'sk-secret', maxRetries: 0 },
  } as Parameters<typeof createModels>[0]);
  services = { ...graph.services, models };
  Object.assign(graph.services, { models });
  worker = await startWorker(graph, { models });
});
afterEach(() => server.reset());
afterAll(async () => {
  await worker.close();
  await server.close();
  Object.assign(graph.services, { models: createModels({ embeddings: undefined, answers: undefined }) });
});

test('embeds chunks and queries with the configured model', async () => {
  const collection = await addCollection(graph, viewer);
  const { id } = await addText(graph, viewer, collection, { text: 'Passages go to the provider.' });
  expect((await untilRead(graph, viewer, id)).status).toBe('INDEXED');
  const answer = await graph.execute(
    viewer,
    'query ($id: ID!, $input: SearchKnowledgeInput!) { collection(id: $id) { embeddingModel } searchKnowledge(input: $input) { mode returned } }',
    { id: collection, input: { query: 'provider', strategy: 'VECTOR', collectionIds: [collection] } },
  );
  expect(pick(answer, 'collection.embeddingModel')).toBe(services.models.defaultEmbedder.id);
  expect(pick(answer, 'searchKnowledge')).toEqual({ mode: 'EXACT', returned: 1 });
  expect(server.requests.every(({ authorization }) => authorization === 'Bearer sk-secret')).toBe(true);
});

test('retries a document while the provider fails and indexes it after the recovery', async () => {
  const collection = await addCollection(graph, viewer);
  server.always(fail(503));
  const { id } = await addText(graph, viewer, collection, { text: 'The provider is away for a while.' });
  await until(
    async () => server.requests.length,
    (count) => count >= 2,
  );
  expect((await documentState(graph, viewer, id)).status).not.toBe('FAILED');
  server.reset();
  expect(await untilRead(graph, viewer, id)).toMatchObject({ status: 'INDEXED', chunkCount: 1 });
});

test('a rejected API key fails the document with an error that does not contain the key', async () => {
  const collection = await addCollection(graph, viewer);
  server.always(fail(401));
  const { id } = await addText(graph, viewer, collection, { text: 'The key is wrong.' });
  const state = await untilRead(graph, viewer, id);
  expect(state).toMatchObject({ status: 'FAILED', chunkCount: 0, errorCode: 'INDEXING_FAILED' });
  expect(state.errorMessage).not.toContain('sk-secret');
  const answer = await graph.execute(
    viewer,
    'query ($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { returned } }',
    { input: { query: 'key', collectionIds: [await filled()] } },
  );
  expect(answer.codes).toEqual(['UNAVAILABLE']);
});

/** A collection with a chunk, so that a search embeds the query. */
async function filled(): Promise<string> {
  server.reset();
  const collection = await addCollection(graph, viewer);
  const { id } = await addText(graph, viewer, collection, { text: 'Something to compare with.' });
  await untilRead(graph, viewer, id);
  server.always(fail(401));
  return collection;
}

test('stores the answer of a model with its tokens, and stores no answer when the model fails', async () => {
  const collection = await addCollection(graph, viewer);
  const { id } = await addText(graph, viewer, collection, { text: 'The answer is forty-two.' });
  await untilRead(graph, viewer, id);
  const ask = () =>
    graph.execute(
      viewer,
      'mutation ($input: AskKnowledgeInput!) { r: askKnowledge(input: $input) { ... on AskKnowledgePayload { answer model tokenCount evaluationRun { model } } ... on UserError { code message } } }',
      { input: { query: 'What is the answer?', collectionIds: [collection] } },
    );
  const answer = await ask();
  expect(pick(answer, 'r.model')).toMatch(/writer$/);
  expect(pick<number>(answer, 'r.tokenCount')).toBeGreaterThan(0);
  const count = async () =>
    (await graph.ownerQuery('SELECT FROM evaluation_runs WHERE tenant_id = $1', [viewer.tenantId])).length;
  const before = await count();
  server.always(fail(400));
  const failed = await ask();
  expect([...failed.codes, ...failed.messages].join()).toMatch(/UNAVAILABLE/);
  expect(await count()).toBe(before);
});

interface RecordedCall {
  kind: string;
  status: string;
  provider: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  costUsd: string;
  unpriced: boolean;
  errorCode: string | null;
}

async function callsOf(tenant: Viewer): Promise<RecordedCall[]> {
  const answer = await graph.execute(
    tenant,
    '{ llmCalls(first: 100) { nodes { kind status provider model inputTokens outputTokens costUsd unpriced errorCode } } }',
  );
  return pick(answer, 'llmCalls.nodes');
}

test('records embeddings of documents and searches, answers and evaluations as model calls', async () => {
  const tenant = await createTenant(graph, { members: ['VIEWER'] });
  const owner = asViewer(tenant);
  const collection = await addCollection(graph, owner);
  const { id } = await addText(graph, owner, collection, { text: 'The answer is forty-two.' });
  await untilRead(graph, owner, id);
  const embedding = {
    kind: 'EMBEDDING',
    status: 'SUCCESS',
    provider: 'openai-compatible',
    model: 'tiny',
    outputTokens: 0,
    costUsd: '0',
    unpriced: true,
    errorCode: null,
  };
  expect(await callsOf(owner)).toMatchObject([embedding]);

  // A viewer may not write, and the search still leaves its call.
  await graph.execute(
    asViewer(tenant, 'VIEWER'),
    'query ($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { returned } }',
    { input: { query: 'answer', strategy: 'VECTOR', collectionIds: [collection] } },
  );
  expect((await callsOf(owner)).slice(1)).toMatchObject([embedding]);

  const ask = (conversationId?: string) =>
    graph.execute(
      owner,
      'mutation ($input: AskKnowledgeInput!) { r: askKnowledge(input: $input) { __typename ... on UserError { message } } }',
      { input: { query: 'What is the answer?', strategy: 'KEYWORD', collectionIds: [collection], conversationId } },
    );
  await ask();
  const answer = { ...embedding, kind: 'ANSWER', model: 'writer', inputTokens: 120, outputTokens: 7 };
  expect((await callsOf(owner)).slice(2)).toEqual([answer]);

  server.next(fail(400));
  await ask();
  expect((await callsOf(owner)).slice(3)).toEqual([
    { ...answer, status: 'ERROR', inputTokens: 0, outputTokens: 0, errorCode: 'MODEL_REFUSED' },
  ]);

  await graph.execute(
    owner,
    'mutation ($input: RunEvaluationInput!) { r: runEvaluation(input: $input) { __typename ... on UserError { message } } }',
    {
      input: {
        name: 'One',
        strategy: 'VECTOR',
        collectionIds: [collection],
        questions: [{ query: 'Which number?', expectedDocumentIds: [id] }],
      },
    },
  );
  await until(
    () => callsOf(owner),
    (calls) => calls.length === 5,
  );
  expect((await callsOf(owner)).at(-1)).toMatchObject(embedding);
});
