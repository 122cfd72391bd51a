import { vectorText } from '../../src/modules/knowledge/search/search.ts';
import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import { runWithContext } from '../../src/platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../src/platform/postgres/sql.ts';
import { mean, p50, p95, timed } from '../lib/figures.ts';
import type { Section } from '../lib/report.ts';
import type { Bench } from './cluster.ts';
import { type BenchCollection, type BenchTenant, queriesOf } from './corpus.ts';
import { embedQuery, nearestOf, recallOf } from './exact.ts';
import { passagesOf } from './load.ts';
import type { LoadedBench } from './recall.ts';
import { seeded } from './words.ts';

const TOP = 10;
/** Candidates that `search` requests for ten results. */
const DEPTH = 50;
const QUERIES = 15;

export type VectorFunction = 'nearest_chunks_exactly' | 'nearest_chunks_by_index';

export async function nearest(
  { database }: Bench,
  functionName: VectorFunction,
  vector: Float32Array,
  ids: string[],
): Promise<string[]> {
  const args = sql`${vectorText(vector)}::vector, ${hashingEmbedder.id}, ${ids}::uuid[], NULL, NULL, NULL, NULL, ${DEPTH}::integer`;
  const found = await queryRows<{ chunkId: string }>(
    database,
    functionName === 'nearest_chunks_exactly'
      ? sql`SELECT chunk_id FROM app.nearest_chunks_exactly(${args})`
      : sql`SELECT chunk_id FROM app.nearest_chunks_by_index(${args})`,
  );
  return found.map(({ chunkId }) => chunkId);
}

/** Scopes in the large tenant, from its smallest collection to all collections. */
export function scopesOf({ collections }: BenchTenant): [string, BenchCollection[]][] {
  return [
    ...collections.slice(0, 6).map((one): [string, BenchCollection[]] => ['one collection', [one]]),
    [`${collections.length - 7} small collections`, collections.slice(7)],
    ['all', collections],
  ];
}

/** Measures from which scope size the HNSW index is faster than an exact comparison, and its recall. */
export async function measureExactHnswCrossover({ bench, corpus, vectors }: LoadedBench): Promise<Section> {
  const tenant = corpus.tenants[0] as BenchTenant;
  const total = corpus.tenants.reduce((sum, one) => sum + passagesOf(one).size, 0);
  const queries = queriesOf(corpus, tenant, QUERIES, seeded(5));
  const lines: Section['rows'] = [];
  for (const [name, collections] of scopesOf(tenant)) {
    const passages = passagesOf({ ...tenant, collections });
    const ids = collections.map(({ id }) => id);
    const exact: number[] = [];
    const indexed: number[] = [];
    const recalls: number[] = [];
    let incomplete = 0;
    for (const { text } of queries) {
      const vector = await embedQuery(text);
      await runWithContext({ tenantId: tenant.id }, async () => {
        exact.push((await timed(() => nearest(bench, 'nearest_chunks_exactly', vector, ids))).ms);
        const { result, ms } = await timed(() => nearest(bench, 'nearest_chunks_by_index', vector, ids));
        indexed.push(ms);
        if (result.length < Math.min(DEPTH, passages.size)) incomplete++;
        recalls.push(recallOf(nearestOf(passages, vectors, vector, TOP), result.slice(0, TOP)));
      });
    }
    const share = `${((passages.size / total) * 100).toFixed(1)}%`;
    lines.push([
      name,
      passages.size,
      share,
      p50(exact),
      p95(exact),
      p50(indexed),
      p95(indexed),
      mean(recalls).toFixed(3),
      incomplete,
    ]);
  }
  return {
    title: 'Exact comparison and HNSW index',
    text: `\`app.nearest_chunks_exactly\` and \`app.nearest_chunks_by_index\` (HNSW), each for the nearest ${DEPTH} of a scope, independent of the choice of \`search()\`. The default of \`SEARCH_EXACT_UP_TO\` and the constant \`MIN_INDEX_SHARE\` derive from these figures. The share is relative to the passages of all tenants. Recall is that of the index for the best ${TOP}. “Incomplete” counts queries for which the index returned fewer than ${DEPTH}; \`search()\` then compares all vectors.`,
    header: ['scope', 'passages', 'share', 'exact p50 ms', 'p95 ms', 'index p50 ms', 'p95 ms', 'recall', 'incomplete'],
    rows: lines,
  };
}
