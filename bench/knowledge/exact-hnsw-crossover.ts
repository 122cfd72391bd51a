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
import type { World } from './recall.ts';
import { seeded } from './words.ts';

const TOP = 10;
/** As deep as `search` looks for ten. */
const DEPTH = 50;
const QUERIES = 15;

export type Way = 'nearest_chunks_exactly' | 'nearest_chunks_by_index';

export async function nearest({ database }: Bench, way: Way, vector: Float32Array, ids: string[]): Promise<string[]> {
  const given = sql`${vectorText(vector)}::vector, ${hashingEmbedder.id}, ${ids}::uuid[], NULL, NULL, NULL, NULL, ${DEPTH}::integer`;
  const found = await queryRows<{ chunkId: string }>(
    database,
    way === 'nearest_chunks_exactly'
      ? sql`SELECT chunk_id FROM app.nearest_chunks_exactly(${given})`
      : sql`SELECT chunk_id FROM app.nearest_chunks_by_index(${given})`,
  );
  return found.map(({ chunkId }) => chunkId);
}

/** Parts of the large tenant, from its smallest collection to all of it. */
export function scopesOf({ collections }: BenchTenant): [string, BenchCollection[]][] {
  return [
    ...collections.slice(0, 6).map((one): [string, BenchCollection[]] => ['one collection', [one]]),
    [`${collections.length - 7} small collections`, collections.slice(7)],
    ['all', collections],
  ];
}

/** Where walking the index of near neighbours becomes faster than comparing every passage, and what it finds of the best. */
export async function measureExactHnswCrossover({ bench, corpus, vectors }: World): Promise<Section> {
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
    let few = 0;
    for (const { text } of queries) {
      const vector = await embedQuery(text);
      await runWithContext({ tenantId: tenant.id }, async () => {
        exact.push((await timed(() => nearest(bench, 'nearest_chunks_exactly', vector, ids))).ms);
        const { result, ms } = await timed(() => nearest(bench, 'nearest_chunks_by_index', vector, ids));
        indexed.push(ms);
        if (result.length < Math.min(DEPTH, passages.size)) few++;
        recalls.push(recallOf(nearestOf(passages, vectors, vector, TOP), result.slice(0, TOP)));
      });
    }
    const share = `${((passages.size / total) * 100).toFixed(1)}%`;
    lines.push([name, passages.size, share, p50(exact), p95(exact), p50(indexed), p95(indexed), mean(recalls).toFixed(3), few]);
  }
  return {
    title: 'Every vector, or the index',
    text: `\`app.nearest_chunks_exactly\` and \`app.nearest_chunks_by_index\` (HNSW), each for the nearest ${DEPTH} of a scope, whichever of them \`search()\` would take: the default of \`SEARCH_EXACT_UP_TO\`, and its \`INDEX_FROM_SHARE\` come from here. The share is that of all tenants' passages. Recall is of the index, for the best ${TOP}; given up is how often it found fewer than ${DEPTH} before its end, and \`search()\` would have compared every vector after all.`,
    header: ['scope', 'passages', 'share', 'exact p50 ms', 'p95 ms', 'index p50 ms', 'p95 ms', 'recall', 'given up'],
    rows: lines,
  };
}
