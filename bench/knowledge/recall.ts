import type { SearchStrategy } from '../../src/generated/prisma/client.ts';
import { type SearchInput, search } from '../../src/modules/knowledge/search/search.ts';
import { runWithContext } from '../../src/platform/postgres/request-scope.ts';
import { lowest, mean, p50, p95, timed } from '../lib/figures.ts';
import type { Section } from '../lib/report.ts';
import type { Bench } from './cluster.ts';
import { type BenchTenant, type Corpus, type Group, type Query, queriesOf, SHARES } from './corpus.ts';
import { embedQuery, nearestOf, recallOf } from './exact.ts';
import { passagesOf, type Vectors } from './load.ts';
import { seeded } from './words.ts';

const TOP = 10;
const MIN_RECALL = 0.95;

/** Queries per tenant. */
const QUERIES: Record<Group, number> = { large: 45, middle: 9, small: 3 };
/** Tenants per group for KEYWORD and HYBRID search; VECTOR search covers all. */
const KEYWORD_TENANTS = 50;

export interface LoadedBench {
  bench: Bench;
  corpus: Corpus;
  vectors: Vectors;
}

interface Scope {
  collectionIds?: string[];
  metadata?: Record<string, unknown>;
  /** The passages in the scope: index of the text by passage id. */
  passages: Map<string, number>;
}

interface Measured {
  recalls: number[];
  times: number[];
  underfilled: number;
  modes: Set<string>;
}

async function searchVectors(loaded: LoadedBench, tenant: BenchTenant, scope: Scope, queries: Query[]): Promise<Measured> {
  const measured: Measured = { recalls: [], times: [], underfilled: 0, modes: new Set() };
  for (const { text } of queries) {
    const best = nearestOf(scope.passages, loaded.vectors, await embedQuery(text), TOP);
    const { result, ms } = await timed(() => searchAs(loaded, tenant, 'VECTOR', text, scope));
    measured.times.push(ms);
    measured.modes.add(result.mode ?? 'none');
    measured.recalls.push(
      recallOf(
        best,
        result.hits.map(({ chunkId }) => chunkId),
      ),
    );
    if (result.hits.length < best.count) measured.underfilled++;
  }
  return measured;
}

function searchAs(
  { bench }: LoadedBench,
  tenant: BenchTenant,
  strategy: SearchStrategy,
  query: string,
  scope: Partial<Scope> = {},
) {
  const input: SearchInput = {
    query,
    strategy,
    topK: TOP,
    collectionIds: scope.collectionIds,
    filter: { metadata: scope.metadata },
    vectorWeight: 1,
    keywordWeight: 1,
  };
  return runWithContext({ tenantId: tenant.id }, () => search(bench.services, input));
}

function vectorRow(name: string, perTenant: number[], { times, underfilled, modes }: Measured): Section['rows'][number] {
  return [
    name,
    perTenant.length,
    times.length,
    lowest(perTenant).toFixed(3),
    mean(perTenant).toFixed(3),
    underfilled,
    p50(times),
    p95(times),
    [...modes].join(', '),
  ];
}

/**
 * The large tenant has exactly as many passages as `search` compares exactly. This lowers the limit by one, so that `search` uses the
 * index. Uses more queries, because the recall varies between builds of the index.
 */
async function searchByIndex(loaded: LoadedBench, tenant: BenchTenant, failures: string[]): Promise<Section['rows'][number]> {
  const limits = loaded.bench.services.knowledgeLimits;
  const { exactUpTo } = limits;
  const passages = passagesOf(tenant);
  limits.exactUpTo = passages.size - 1;
  const found = await searchVectors(loaded, tenant, { passages }, queriesOf(loaded.corpus, tenant, 3 * QUERIES.large, seeded(5)));
  limits.exactUpTo = exactUpTo;
  const recall = mean(found.recalls);
  if (recall < MIN_RECALL) failures.push(`recall ${recall.toFixed(3)} for the large tenant with the index`);
  if (found.underfilled > 0) failures.push(`${found.underfilled} searches with the index returned too few hits`);
  return vectorRow('large, VECTOR, above the limit', [recall], found);
}

const groups: Group[] = ['large', 'middle', 'small'];

/** Recall of `search` for every tenant, and the times of the three strategies. */
export async function measureTenants(loaded: LoadedBench): Promise<Section> {
  const random = seeded(3);
  const rows: Section['rows'] = [];
  const failures: string[] = [];
  for (const group of groups) {
    const tenants = loaded.corpus.tenants.filter((tenant) => tenant.group === group);
    const perTenant: number[] = [];
    const all: Measured = { recalls: [], times: [], underfilled: 0, modes: new Set() };
    for (const tenant of tenants) {
      const queries = queriesOf(loaded.corpus, tenant, QUERIES[group], random);
      const found = await searchVectors(loaded, tenant, { passages: passagesOf(tenant) }, queries);
      const recall = mean(found.recalls);
      perTenant.push(recall);
      if (recall < MIN_RECALL) failures.push(`recall ${recall.toFixed(3)} for the ${group} tenant ${tenant.id}`);
      all.times.push(...found.times);
      all.underfilled += found.underfilled;
      for (const mode of found.modes) all.modes.add(mode);
    }
    if (all.underfilled > 0) failures.push(`${all.underfilled} searches of ${group} tenants returned too few hits`);
    rows.push(vectorRow(`${group}, VECTOR`, perTenant, all));
    if (group === 'large') rows.push(await searchByIndex(loaded, tenants[0] as BenchTenant, failures));
    for (const strategy of ['KEYWORD', 'HYBRID'] as const) {
      const some = tenants.slice(0, KEYWORD_TENANTS);
      const times: number[] = [];
      for (const tenant of some) {
        for (const { text } of queriesOf(loaded.corpus, tenant, QUERIES[group], random)) {
          times.push((await timed(() => searchAs(loaded, tenant, strategy, text))).ms);
        }
      }
      rows.push([`${group}, ${strategy}`, some.length, times.length, '', '', '', p50(times), p95(times), '']);
    }
  }
  return {
    title: 'All tenants',
    text: `\`search()\` for the best ${TOP} as the application role under row-level security, compared with an exact comparison of all vectors of the tenant in JavaScript. The recall of a tenant is the mean of its queries. Each tenant must have a recall of at least ${MIN_RECALL} and ${TOP} hits per query, or as many as it has passages. Milliseconds are those of the whole call.`,
    header: ['tenants and strategy', 'tenants', 'searches', 'lowest recall', 'mean', 'too few', 'p50 ms', 'p95 ms', 'mode'],
    rows,
    failures,
  };
}

/** Searches of the large tenant restricted to scopes of different sizes. */
export async function measureFilters(loaded: LoadedBench): Promise<Section> {
  const large = loaded.corpus.tenants[0] as BenchTenant;
  const queries = queriesOf(loaded.corpus, large, 30, seeded(4));
  const total = passagesOf(large).size;
  const scopes: [string, Scope][] = large.collections
    .slice(0, 6)
    .map((collection) => [
      'one collection',
      { collectionIds: [collection.id], passages: passagesOf({ ...large, collections: [collection] }) },
    ]);
  const small = large.collections.slice(7);
  scopes.push([
    `${small.length} small collections`,
    { collectionIds: small.map(({ id }) => id), passages: passagesOf({ ...large, collections: small }) },
  ]);
  for (const key of Object.keys(SHARES)) {
    const collections = large.collections.map(({ id, documents }) => ({
      id,
      documents: documents.filter(({ metadata }) => metadata[key] === true),
    }));
    scopes.push(['metadata', { metadata: { [key]: true }, passages: passagesOf({ ...large, collections }) }]);
  }
  const rows: Section['rows'] = [];
  const failures: string[] = [];
  for (const [name, scope] of scopes) {
    const found = await searchVectors(loaded, large, scope, queries);
    const recall = mean(found.recalls);
    const hybrid: number[] = [];
    for (const { text } of queries) hybrid.push((await timed(() => searchAs(loaded, large, 'HYBRID', text, scope))).ms);
    if (recall < MIN_RECALL) failures.push(`recall ${recall.toFixed(3)} in ${name} of ${scope.passages.size} passages`);
    if (found.underfilled > 0)
      failures.push(`${found.underfilled} searches in ${name} of ${scope.passages.size} passages returned too few hits`);
    const share = `${((scope.passages.size / total) * 100).toFixed(0)}%`;
    rows.push([
      name,
      scope.passages.size,
      share,
      recall.toFixed(3),
      found.underfilled,
      p50(found.times),
      p95(found.times),
      p50(hybrid),
      p95(hybrid),
      [...found.modes].join(', '),
    ]);
  }
  return {
    title: 'Scopes in the large tenant',
    text: 'The same for one collection, for many small collections, and for the documents that match a metadata filter. The share is relative to the passages of the tenant.',
    header: ['scope', 'passages', 'share', 'recall', 'too few', 'VECTOR p50 ms', 'p95 ms', 'HYBRID p50 ms', 'p95 ms', 'mode'],
    rows,
    failures,
  };
}
