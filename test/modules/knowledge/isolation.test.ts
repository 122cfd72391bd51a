import { beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, type Found, find, startWorker, untilRead } from '../../testkit/knowledge.ts';
import { asViewer, createTenant } from '../../testkit/tenants.ts';

/** Documents that both tenants have, word for word, and one of each that the other has not. */
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
  /** A word that only this tenant's documents have. */
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

/** A generator whose numbers are the same in every run (mulberry32). */
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

/** Everything but when it was asked. */
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

test('1,000 random searches find what they found when the neighbour was not there, and nothing of theirs', {
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

test('the word of one tenant alone is unknown to the other', async () => {
  for (const [mine, theirs] of [sides, [sides[1], sides[0]]] as const) {
    expect((await find(graph, mine.viewer, { query: mine.word, strategy: 'KEYWORD' })).returned).toBe(2);
    expect((await find(graph, mine.viewer, { query: theirs.word, strategy: 'KEYWORD' })).returned).toBe(0);
  }
});

test('collections of another tenant are not found, alone or among one’s own', async () => {
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

test('logs, counts and lists are one’s own', async () => {
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
  // Every passage is looked up once, however many searches found it: other tests may have left many.
  const logged = await graph.ownerQuery<{ tenant_id: string; foreign: boolean }>(
    `SELECT found.tenant_id, bool_or(c.tenant_id <> found.tenant_id) AS foreign
     FROM (SELECT DISTINCT q.tenant_id, (r ->> 'chunkId')::uuid AS chunk_id FROM rag_queries q, jsonb_array_elements(q.results) r WHERE q.tenant_id = ANY ($1)) found
     JOIN chunks c ON c.id = found.chunk_id GROUP BY found.tenant_id`,
    [sides.map(({ viewer }) => viewer.tenantId)],
  );
  expect(logged.map(({ foreign }) => foreign)).toEqual([false, false]);
});

test('a VIEWER searches and is logged, and changes nothing else', async () => {
  const [mine] = sides;
  const onlooker: Viewer = { ...mine.viewer, role: 'VIEWER', permissions: new Set(['knowledge:read']) };
  const { queryId, returned } = await find(graph, onlooker, { query: 'invoices' });
  expect(returned).toBeGreaterThan(0);
  expect(await graph.ownerQuery('SELECT query FROM rag_queries WHERE id = $1', [queryId])).toEqual([{ query: 'invoices' }]);
  const refused = await graph.execute(
    onlooker,
    'mutation ($id: ID!) { submitSearchFeedback(input: { queryId: $id, feedback: THUMBS_UP }) { __typename } }',
    { id: queryId },
  );
  expect(refused.codes).toEqual(['FORBIDDEN']);
});
