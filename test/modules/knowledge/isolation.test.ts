import { beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, type Found, find, startWorker, untilRead } from '../../testkit/knowledge.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

/** Texts that both tenants have. Each tenant also has a text of its own. */
const TEXTS = [
  'Invoices are paid within thirty days of their arrival.',
  'The cellar is locked at night, and the porter keeps the key.',
  'Holidays are granted by the head of the department.',
  'Backups are written every hour and kept for a year.',
  'Visitors sign the book at the entrance and wear a badge.',
];

interface Side {
  viewer: Viewer;
  collections: string[];
  documents: Set<string>;
  /** A word that occurs only in this tenant's documents. */
  word: string;
}

let graph: TestGraph;
let sides: [Side, Side];
let worker: { close(): Promise<void> };

async function fill(word: string): Promise<Side> {
  const viewer = asViewer(await createTenant(graph, { members: ['VIEWER'] }));
  const collections = [
    await addCollection(graph, viewer),
    await addCollection(graph, viewer, { name: 'Other', language: 'simple' }),
  ];
  const documents: string[] = [];
  for (const [index, collection] of collections.entries()) {
    for (const text of [...TEXTS, `Only here: ${word} number ${index}.`]) {
      documents.push(
        (await addText(graph, viewer, collection, { text, title: text.slice(0, 20), metadata: { kind: text.length % 3 } })).id,
      );
    }
  }
  for (const id of documents) expect((await untilRead(graph, viewer, id)).status).toBe('INDEXED');
  return { viewer, collections, documents: new Set(documents), word };
}

beforeAll(async () => {
  graph = await testGraph();
  worker = await startWorker(graph);
});

/** A deterministic random number generator (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const WORDS = [
  ...new Set(
    TEXTS.join(' ')
      .toLowerCase()
      .match(/[a-z]+/g),
  ),
  'xylophone',
  'quicksilver',
  'number',
];

function randomInput(random: () => number, side: Side): Record<string, unknown> {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  const query = Array.from({ length: 1 + Math.floor(random() * 5) }, () => pick(WORDS)).join(' ');
  return {
    query: random() < 0.2 ? `"${query}"` : random() < 0.1 ? `${query} -${pick(WORDS)}` : query,
    strategy: pick(['VECTOR', 'KEYWORD', 'HYBRID']),
    topK: 1 + Math.floor(random() * 20),
    ...(random() < 0.5 ? { collectionIds: random() < 0.5 ? side.collections : [pick(side.collections)] } : {}),
    ...(random() < 0.3 ? { filter: { metadata: { kind: Math.floor(random() * 3) } } } : {}),
    ...(random() < 0.2 ? { minScore: random() / 2 } : {}),
    ...(random() < 0.3 ? { vectorWeight: random() * 3, keywordWeight: random() * 3 } : {}),
  };
}

/** The result without its duration and id. */
function withoutTime({ responseMs: _, queryId: __, ...found }: Found): unknown {
  return found;
}

async function searches(side: Side, seed: number, count: number): Promise<unknown[]> {
  const random = seeded(seed);
  const results: unknown[] = [];
  for (let round = 0; round < count; round++) {
    const input = randomInput(random, side);
    const found = await find(graph, side.viewer, input);
    for (const { document } of found.hits) expect(side.documents, JSON.stringify(input)).toContain(document.id);
    results.push(withoutTime(found));
  }
  return results;
}

test('1,000 random searches return the same hits with and without documents of another tenant', {
  timeout: 120_000,
}, async () => {
  const first = await fill('xylophone');
  const alone = await searches(first, 1, 350);
  const second = await fill('quicksilver');
  expect(await searches(first, 1, 350)).toEqual(alone);
  await searches(second, 2, 300);
  sides = [first, second];
  await worker.close();
});

test('does not find a word that occurs only in documents of another tenant', async () => {
  for (const [mine, theirs] of [sides, [sides[1], sides[0]]] as const) {
    expect((await find(graph, mine.viewer, { query: mine.word, strategy: 'KEYWORD' })).returned).toBe(2);
    expect((await find(graph, mine.viewer, { query: theirs.word, strategy: 'KEYWORD' })).returned).toBe(0);
  }
});

test('rejects collections of another tenant, alone or together with own ones', async () => {
  const [mine, theirs] = sides;
  for (const collectionIds of [theirs.collections, [mine.collections[0], theirs.collections[0]]]) {
    const answer = await graph.execute(
      mine.viewer,
      'query ($input: SearchKnowledgeInput!) { searchKnowledge(input: $input) { returned } }',
      { input: { query: 'invoices', collectionIds } },
    );
    expect(answer.codes).toEqual(['NOT_FOUND']);
  }
});

test('search logs, counts and lists contain rows of one tenant only', async () => {
  const [mine] = sides;
  const answer = await graph.execute(
    mine.viewer,
    '{ collections { totalCount nodes { documentCount chunkCount } } documents(first: 100) { totalCount nodes { id } } }',
  );
  expect(pick(answer, 'collections')).toEqual({
    totalCount: 2,
    nodes: [
      { documentCount: 6, chunkCount: 6 },
      { documentCount: 6, chunkCount: 6 },
    ],
  });
  expect(new Set(pick<{ id: string }[]>(answer, 'documents.nodes').map(({ id }) => id))).toEqual(mine.documents);
  // DISTINCT: other tests may have logged many searches with the same chunks.
  const logged = await graph.ownerQuery<{ tenant_id: string; foreign: boolean }>(
    `SELECT found.tenant_id, bool_or(c.tenant_id <> found.tenant_id) AS foreign
     FROM (SELECT DISTINCT q.tenant_id, (r ->> 'chunkId')::uuid AS chunk_id FROM rag_queries q, jsonb_array_elements(q.results) r WHERE q.tenant_id = ANY ($1)) found
     JOIN chunks c ON c.id = found.chunk_id GROUP BY found.tenant_id`,
    [sides.map(({ viewer }) => viewer.tenantId)],
  );
  expect(logged.map(({ foreign }) => foreign)).toEqual([false, false]);
});

test('logs the search of a VIEWER, who cannot submit feedback', async () => {
  const [mine] = sides;
  const reader: Viewer = { ...mine.viewer, role: 'VIEWER', permissions: new Set(['knowledge:read']) };
  const { queryId, returned } = await find(graph, reader, { query: 'invoices' });
  expect(returned).toBeGreaterThan(0);
  expect(await graph.ownerQuery('SELECT query FROM rag_queries WHERE id = $1', [queryId])).toEqual([{ query: 'invoices' }]);
  const refused = await graph.execute(
    reader,
    'mutation ($id: ID!) { submitSearchFeedback(input: { queryId: $id, feedback: THUMBS_UP }) { __typename } }',
    { id: queryId },
  );
  expect(refused.codes).toEqual(['FORBIDDEN']);
});
