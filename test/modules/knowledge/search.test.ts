import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, find, startWorker, until, untilRead } from '../../testkit/knowledge.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let viewer: Viewer;
let collection: string;
let worker: { close(): Promise<void> };
const ids: Record<string, string> = {};
let conversation: string;

const DOCUMENTS: [title: string, text: string, metadata: Record<string, unknown>, mediaType?: string][] = [
  [
    'Keys',
    'Signing keys are rotated without downtime: new tokens use the new key, old tokens verify with the old one.',
    { area: 'security', year: 2026 },
  ],
  ['Backups', 'Backups are written every hour. Restoring one takes ten minutes on average.', { area: 'operations', year: 2025 }],
  ['Invoices', 'Invoices are due after thirty days. Late invoices cost a fee of two percent.', { area: 'finance', year: 2026 }],
  [
    'Travel',
    '# Travel\n\n## Trains\n\nTrains are booked in the second class.\n\n## Hotels\n\nA hotel may cost ninety a night.',
    { area: 'finance', year: 2024 },
    'text/markdown',
  ],
];

beforeAll(async () => {
  graph = await testGraph();
  const tenant = await createTenant(graph, { rows: ['conversations'] });
  viewer = asViewer(tenant);
  conversation = tenant.idOf('conversations');
  worker = await startWorker(graph);
  collection = await addCollection(graph, viewer);
  for (const [title, text, metadata, mediaType] of DOCUMENTS) {
    ids[title] = (await addText(graph, viewer, collection, { title, text, metadata, ...(mediaType ? { mediaType } : {}) })).id;
  }
  for (const id of Object.values(ids)) await untilRead(graph, viewer, id);
});
afterAll(() => worker.close());

const search = (input: Record<string, unknown>) => find(graph, viewer, { collectionIds: [collection], ...input });
const titles = ({ hits }: Awaited<ReturnType<typeof search>>) => hits.map(({ document }) => document.title);

describe('searchKnowledge', () => {
  test.each(['VECTOR', 'KEYWORD', 'HYBRID'])(
    '%s finds the relevant document, with scores from 0 to 1 in descending order',
    async (strategy) => {
      const found = await search({ query: 'How are signing keys rotated?', strategy });
      expect(titles(found)[0]).toBe('Keys');
      const scores = found.hits.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((one, other) => other - one));
      for (const score of scores) expect(score).toBeGreaterThanOrEqual(0);
      for (const score of scores) expect(score).toBeLessThanOrEqual(1);
      expect(found.mode).toBe(strategy === 'KEYWORD' ? null : 'EXACT');
      expect(found.hits[0]).toMatchObject({
        vectorRank: strategy === 'KEYWORD' ? null : 1,
        keywordRank: strategy === 'VECTOR' ? null : 1,
      });
    },
  );

  test('KEYWORD matches stems, phrases and excluded words', async () => {
    expect(titles(await search({ query: 'invoice', strategy: 'KEYWORD' }))).toEqual(['Invoices']);
    expect(titles(await search({ query: '"thirty days"', strategy: 'KEYWORD' }))).toEqual(['Invoices']);
    expect(titles(await search({ query: '"days thirty"', strategy: 'KEYWORD' }))).toEqual([]);
    expect(titles(await search({ query: 'invoices -fee', strategy: 'KEYWORD' }))).toEqual([]);
    expect(titles(await search({ query: 'downtime or hotel', strategy: 'KEYWORD' })).sort()).toEqual(['Keys', 'Travel']);
  });

  test('KEYWORD ranks chunks with all words before chunks with some', async () => {
    const found = await search({ query: 'hotel cost fee', strategy: 'KEYWORD' });
    expect(titles(found)).toEqual(expect.arrayContaining(['Invoices', 'Travel']));
    expect(found.hits.every(({ score }) => score < 0.5)).toBe(true);
    expect((await search({ query: 'hotel cost', strategy: 'KEYWORD' })).hits[0]?.score).toBeGreaterThan(0.5);
  });

  test('searches only documents that match the filter', async () => {
    const by = async (filter: unknown) => titles(await search({ query: 'invoices keys backups trains', filter })).sort();
    expect(await by({ metadata: { area: 'finance' } })).toEqual(['Invoices', 'Travel']);
    expect(await by({ metadata: { area: 'finance', year: 2026 } })).toEqual(['Invoices']);
    expect(await by({ mediaTypes: ['text/markdown'] })).toEqual(['Travel']);
    expect(await by({ uploadedAfter: '2100-01-01T00:00:00Z' })).toEqual([]);
    expect((await by({ uploadedBefore: '2100-01-01T00:00:00Z' })).length).toBe(4);
  });

  test('returns the requested number and whether more matched, and excludes hits below minScore', async () => {
    expect(await search({ query: 'invoices', strategy: 'VECTOR', topK: 2 })).toMatchObject({
      requested: 2,
      returned: 2,
      truncated: true,
    });
    expect(await search({ query: 'invoices', strategy: 'VECTOR', topK: 50 })).toMatchObject({
      requested: 50,
      returned: 4,
      truncated: false,
    });
    expect(await search({ query: 'invoices', strategy: 'KEYWORD', minScore: 0.99 })).toMatchObject({
      returned: 0,
      truncated: false,
    });
  });

  test('weights determine which strategy ranks first in HYBRID', async () => {
    const words = await search({ query: 'late fee', vectorWeight: 0 });
    expect(words.hits[0]?.document.title).toBe('Invoices');
    expect(words.hits.filter(({ keywordRank }) => keywordRank === null).every(({ score }) => score === 0)).toBe(true);
  });

  test('a hit has its section and an excerpt that highlights the words of the query', async () => {
    const [hit] = (await search({ query: 'ninety a night' })).hits;
    expect(hit?.chunk.section).toContain('Travel');
    expect(hit?.excerpt).toMatch(/\*\*ninety\*\*/);
  });

  test('executes a constant number of statements for any number of hits', async () => {
    const { statements } = await graph.execute(
      viewer,
      'query ($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { hits { excerpt chunk { content document { title } } document { title collection { name } } } collections { name } } }',
      { input: { query: 'invoices keys backups', collectionIds: [collection] } },
    );
    // Scope, vectors, words; the log in a transaction (4); excerpts, chunks, documents, collections.
    expect(statements.length, statements.join('\n')).toBeLessThanOrEqual(11);
  });

  test('logs the search with its hits and accepts feedback', async () => {
    const { queryId, hits } = await search({ query: 'backups', filter: { metadata: { year: 2025 } } });
    const [row] = await graph.ownerQuery<Record<string, unknown>>('SELECT * FROM rag_queries WHERE id = $1', [queryId]);
    expect(row).toMatchObject({
      query: 'backups',
      strategy: 'HYBRID',
      mode: 'EXACT',
      requested: 10,
      returned: 1,
      filters: { metadata: { year: 2025 } },
    });
    expect(row?.results).toHaveLength(hits.length);
    const answer = await graph.execute(
      viewer,
      'mutation ($id: ID!) { submitSearchFeedback(input: { queryId: $id, feedback: THUMBS_DOWN, comment: "Too old" }) { ... on SubmitSearchFeedbackPayload { feedback } } }',
      { id: queryId },
    );
    expect(pick(answer, 'submitSearchFeedback.feedback')).toBe('THUMBS_DOWN');
    expect(await graph.ownerQuery('SELECT feedback, feedback_comment FROM rag_queries WHERE id = $1', [queryId])).toEqual([
      { feedback: 'THUMBS_DOWN', feedback_comment: 'Too old' },
    ]);
  });

  test.each([
    [
      'an archived collection',
      async () => {
        const archived = await addCollection(graph, viewer);
        await graph.execute(viewer, 'mutation ($id: ID!) { archiveCollection(input: { id: $id }) { __typename } }', {
          id: archived,
        });
        return { query: 'x', collectionIds: [archived] };
      },
      'INVALID_STATE',
    ],
    ['an empty query', async () => ({ query: '   ' }), 'VALIDATION_FAILED'],
    ['a query of 4,001 characters', async () => ({ query: 'x'.repeat(4_001) }), 'VALIDATION_FAILED'],
    ['too many hits', async () => ({ query: 'x', topK: 101 }), 'VALIDATION_FAILED'],
    ['ids of another type', async () => ({ query: 'x', collectionIds: [ids.Keys] }), 'VALIDATION_FAILED'],
  ])('rejects %s', async (_name, input, code) => {
    const answer = await graph.execute(
      viewer,
      'query ($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { returned } }',
      { input: await input() },
    );
    expect(answer.codes).toEqual([code]);
  });

  test.each([
    "'; DROP TABLE chunks; --",
    '\\',
    '((((',
    '& | !',
    '<->',
    ':*',
    '%',
    '"',
    'a:b',
    '🦄',
    '\u0000'.padStart(3, 'x'),
    '-',
    '"-"',
    'or or or',
  ])('handles the query %j without an internal error', async (query) => {
    const answer = await graph.execute(
      viewer,
      'query ($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { returned } }',
      { input: { query } },
    );
    expect(answer.codes.filter((code) => code !== 'VALIDATION_FAILED')).toEqual([]);
  });
});

describe('vector search with the HNSW index', () => {
  /** Sets the planner's estimate of all chunks, and the size from which a scope is large. */
  async function setScale(chunks: number, exactUpTo: number): Promise<void> {
    await graph.ownerQuery(`UPDATE pg_class SET reltuples = ${chunks} WHERE oid = 'chunks'::regclass`);
    Object.assign(graph.services.knowledgeLimits, { exactUpTo });
  }
  afterEach(async () => {
    await setScale(-1, 50_000);
    await graph.ownerQuery(`ALTER FUNCTION ${BY_INDEX} SET hnsw.iterative_scan = 'strict_order'`);
    await graph.ownerQuery(`ALTER FUNCTION ${BY_INDEX} SET hnsw.ef_search = 1000`);
  });
  const BY_INDEX = 'app.nearest_chunks_by_index(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer)';
  const input = { query: 'How are signing keys rotated?', strategy: 'VECTOR' };

  test('uses the index for a large scope and returns the hits of the exact search', async () => {
    const exact = await search(input);
    await setScale(1, 0);
    const indexed = await search(input);
    expect([exact.mode, indexed.mode]).toEqual(['EXACT', 'HNSW']);
    expect(indexed.hits).toEqual(exact.hits);
    const filtered = await search({ ...input, filter: { metadata: { area: 'finance' } } });
    expect([filtered.mode, titles(filtered).sort()]).toEqual(['HNSW', ['Invoices', 'Travel']]);
  });

  test('uses the exact search for a scope that is a small share of all chunks', async () => {
    await setScale(1_000_000, 0);
    expect((await search(input)).mode).toBe('EXACT');
  });

  test('falls back to the exact search when the index scan stops early', async () => {
    const exact = await search(input);
    await setScale(1, 0);
    await graph.ownerQuery(`ALTER FUNCTION ${BY_INDEX} SET hnsw.iterative_scan = 'off'`);
    await graph.ownerQuery(`ALTER FUNCTION ${BY_INDEX} SET hnsw.ef_search = 1`);
    const found = await search(input);
    expect([found.mode, found.hits]).toEqual(['EXACT', exact.hits]);
  });
});

describe('askKnowledge', () => {
  const ASK = `mutation ($input: AskKnowledgeInput!) { r: askKnowledge(input: $input) {
    ... on AskKnowledgePayload { answer model latencyMs tokenCount citations { number quote chunk { content document { title } } }
      evaluationRun { id query response model sources latencyMs } messages { id role content citations { number chunk { document { title } } } } search { mode returned } }
    ... on UserError { code message path } } }`;

  test('answers with sentences of the chunks and citations when no model is configured', async () => {
    const answer = await graph.execute(viewer, ASK, { input: { query: 'When are invoices due?', collectionIds: [collection] } });
    expect(pick(answer, 'r.model')).toBe('extractive');
    expect(pick(answer, 'r.answer')).toMatch(/Invoices are due after thirty days\. \[\d\]/);
    const citations = pick<{ number: number; chunk: { document: { title: string } } }[]>(answer, 'r.citations');
    expect(citations.map(({ chunk }) => chunk.document.title)).toContain('Invoices');
    expect(pick(answer, 'r.evaluationRun')).toMatchObject({
      query: 'When are invoices due?',
      response: pick(answer, 'r.answer'),
    });
  });

  test('reports that the documents contain no answer', async () => {
    const answer = await graph.execute(viewer, ASK, { input: { query: 'zzzz qqqq', collectionIds: [collection] } });
    expect(pick(answer, 'r.answer')).toBe('The searched documents contain no answer to this question.');
    expect(pick(answer, 'r.citations')).toEqual([]);
  });

  test('appends the question and the answer with citations to a conversation', async () => {
    const answer = await graph.execute(viewer, ASK, {
      input: { query: 'How long does restoring a backup take?', collectionIds: [collection], conversationId: conversation },
    });
    const messages = pick<{ id: string; role: string }[]>(answer, 'r.messages');
    expect(messages.map(({ role }) => role)).toEqual(['USER', 'ASSISTANT']);
    const read = await graph.execute(
      viewer,
      'query ($id: ID!) { node(id: $id) { ... on Message { content citations { number quote chunk { document { title } } document { title } } } } }',
      { id: messages[1]?.id },
    );
    const titlesCited = pick<{ chunk: { document: { title: string } } }[]>(read, 'node.citations').map(
      ({ chunk }) => chunk.document.title,
    );
    expect(titlesCited).toContain('Backups');
  });

  test('stores feedback on an answer', async () => {
    const answer = await graph.execute(viewer, ASK, { input: { query: 'Which class are trains?', collectionIds: [collection] } });
    const judged = await graph.execute(
      viewer,
      'mutation ($id: ID!) { submitAnswerFeedback(input: { evaluationRunId: $id, feedback: THUMBS_UP, qualityScore: 0.9 }) { ... on SubmitAnswerFeedbackPayload { evaluationRun { userFeedback qualityScore } } } }',
      { id: pick(answer, 'r.evaluationRun.id') },
    );
    expect(pick(judged, 'submitAnswerFeedback.evaluationRun')).toEqual({ userFeedback: 'THUMBS_UP', qualityScore: 0.9 });
  });
});

describe('runEvaluation', () => {
  const RUN =
    'mutation ($input: RunEvaluationInput!) { r: runEvaluation(input: $input) { ... on RunEvaluationPayload { evaluation { id status } } ... on UserError { code path } } }';

  async function evaluated(input: Record<string, unknown>): Promise<string> {
    const id = pick(await graph.execute(viewer, RUN, { input: { collectionIds: [collection], ...input } }), 'r.evaluation.id');
    await until(
      async () =>
        pick(await graph.execute(viewer, 'query ($id: ID!) { evaluation(id: $id) { status } }', { id }), 'evaluation.status'),
      (status) => status === 'COMPLETED' || status === 'FAILED',
    );
    return id;
  }

  test('asks every question, computes the scores, and compares evaluations', async () => {
    const questions = [
      { query: 'When are invoices due?', expectedDocumentIds: [ids.Invoices] },
      { query: 'How are signing keys rotated?', expectedDocumentIds: [ids.Keys] },
      { query: 'downtime and hotels', expectedDocumentIds: [ids.Keys, ids.Travel] },
    ];
    const one = await evaluated({ name: 'Words', strategy: 'KEYWORD', questions });
    const two = await evaluated({ name: 'Both', strategy: 'HYBRID', topK: 3, questions });
    const answer = await graph.execute(
      viewer,
      `query ($id: ID!, $ids: [ID!]!) { evaluation(id: $id) { name status completedCount questionCount recall mrr ndcg latencyMs runs { totalCount nodes { query recall reciprocalRank ndcg expectedDocuments { title } } } }
        compareEvaluations(ids: $ids) { query runs { recall ndcg } } evaluations { nodes { name } } }`,
      { id: one, ids: [one, two] },
    );
    expect(pick(answer, 'evaluation')).toMatchObject({
      status: 'COMPLETED',
      completedCount: 3,
      questionCount: 3,
      recall: 1,
      mrr: 1,
      runs: { totalCount: 3 },
    });
    const compared = pick<{ query: string; runs: unknown[] }[]>(answer, 'compareEvaluations');
    expect(compared.map(({ query }) => query)).toEqual(questions.map(({ query }) => query));
    expect(compared.every(({ runs }) => runs.length === 2 && runs.every(Boolean))).toBe(true);
  });

  test('fails with an error when a collection is archived before the run', async () => {
    const gone = await addCollection(graph, viewer);
    await worker.close();
    const started = await graph.execute(viewer, RUN, {
      input: { name: 'Late', collectionIds: [gone], questions: [{ query: 'x', expectedDocumentIds: [] }] },
    });
    await graph.execute(viewer, 'mutation ($id: ID!) { archiveCollection(input: { id: $id }) { __typename } }', { id: gone });
    worker = await startWorker(graph);
    const id = pick(started, 'r.evaluation.id');
    const look = async () =>
      pick<{ status: string; errorMessage: string }>(
        await graph.execute(viewer, 'query ($id: ID!) { evaluation(id: $id) { status errorMessage } }', { id }),
        'evaluation',
      );
    expect(await until(look, ({ status }) => status === 'FAILED')).toEqual({
      status: 'FAILED',
      errorMessage: 'A collection is archived. Restore it, or remove it from collectionIds.',
    });
  });
});
