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
const LEAST_RECALL = 0.95;

/** Queries of each tenant. */
const QUERIES: Record<Group, number> = { large: 45, middle: 9, small: 3 };
/** Tenants of each group whose words are looked for; vectors are of all. */
const WORD_TENANTS = 50;

export interface World {
  bench: Bench;
  corpus: Corpus;
  vectors: Vectors;
}

interface Scope {
  collectionIds?: string[];
  metadata?: Record<string, unknown>;
  /** In it. */
  passages: Map<string, number>;
}

interface Measured {
  recalls: number[];
  times: number[];
  underfilled: number;
  modes: Set<string>;
}

async function searchVectors(world: World, tenant: BenchTenant, scope: Scope, queries: Query[]): Promise<Measured> {
  const measured: Measured = { recalls: [], times: [], underfilled: 0, modes: new Set() };
  for (const { text } of queries) {
    const best = nearestOf(scope.passages, world.vectors, await embedQuery(text), TOP);
    const { result, ms } = await timed(() => searchAs(world, tenant, 'VECTOR', text, scope));
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

function searchAs({ bench }: World, tenant: BenchTenant, strategy: SearchStrategy, query: string, scope: Partial<Scope> = {}) {
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
 * The large tenant has just as many passages as are still compared one by one. With one more the index would be walked: more queries,
 * since no two builds of it are the same.
 */
async function alongTheIndex(world: World, tenant: BenchTenant, failures: string[]): Promise<Section['rows'][number]> {
  const limits = world.bench.services.knowledgeLimits;
  const { exactUpTo } = limits;
  const passages = passagesOf(tenant);
  limits.exactUpTo = passages.size - 1;
  const found = await searchVectors(world, tenant, { passages }, queriesOf(world.corpus, tenant, 3 * QUERIES.large, seeded(5)));
  limits.exactUpTo = exactUpTo;
  const recall = mean(found.recalls);
  if (recall < LEAST_RECALL) failures.push(`recall ${recall.toFixed(3)} for the large tenant along the index`);
  if (found.underfilled > 0) failures.push(`${found.underfilled} searches along the index returned fewer than there are`);
  return vectorRow('large, VECTOR, above the limit', [recall], found);
}

const groups: Group[] = ['large', 'middle', 'small'];

/** Recall of `search` for every tenant, and how long the three strategies take. */
export async function measureTenants(world: World): Promise<Section> {
  const random = seeded(3);
  const rows: Section['rows'] = [];
  const failures: string[] = [];
  for (const group of groups) {
    const tenants = world.corpus.tenants.filter((tenant) => tenant.group === group);
    const perTenant: number[] = [];
    const all: Measured = { recalls: [], times: [], underfilled: 0, modes: new Set() };
    for (const tenant of tenants) {
      const queries = queriesOf(world.corpus, tenant, QUERIES[group], random);
      const found = await searchVectors(world, tenant, { passages: passagesOf(tenant) }, queries);
      const recall = mean(found.recalls);
      perTenant.push(recall);
      if (recall < LEAST_RECALL) failures.push(`recall ${recall.toFixed(3)} for the ${group} tenant ${tenant.id}`);
      all.times.push(...found.times);
      all.underfilled += found.underfilled;
      for (const mode of found.modes) all.modes.add(mode);
    }
    if (all.underfilled > 0) failures.push(`${all.underfilled} searches of ${group} tenants returned fewer than there are`);
    rows.push(vectorRow(`${group}, VECTOR`, perTenant, all));
    if (group === 'large') rows.push(await alongTheIndex(world, tenants[0] as BenchTenant, failures));
    for (const strategy of ['KEYWORD', 'HYBRID'] as const) {
      const some = tenants.slice(0, WORD_TENANTS);
      const times: number[] = [];
      for (const tenant of some) {
        for (const { text } of queriesOf(world.corpus, tenant, QUERIES[group], random)) {
          times.push((await timed(() => searchAs(world, tenant, strategy, text))).ms);
        }
      }
      rows.push([`${group}, ${strategy}`, some.length, times.length, '', '', '', p50(times), p95(times), '']);
    }
  }
  return {
    title: 'Every tenant',
    text: `\`search()\` for the best ${TOP}, as the application role under row security, compared with every vector of the tenant in JavaScript. Recall is the mean of a tenant's queries; the lowest is of the worst tenant. At least ${LEAST_RECALL} is demanded of each, and as many hits as there are passages, up to ${TOP}. Milliseconds of the whole call.`,
    header: ['tenants and strategy', 'tenants', 'searches', 'lowest recall', 'mean', 'too few', 'p50 ms', 'p95 ms', 'mode'],
    rows,
    failures,
  };
}

/** The large tenant, restricted to less and less of what it has. */
export async function measureFilters(world: World): Promise<Section> {
  const large = world.corpus.tenants[0] as BenchTenant;
  const queries = queriesOf(world.corpus, large, 30, seeded(4));
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
    const found = await searchVectors(world, large, scope, queries);
    const recall = mean(found.recalls);
    const hybrid: number[] = [];
    for (const { text } of queries) hybrid.push((await timed(() => searchAs(world, large, 'HYBRID', text, scope))).ms);
    if (recall < LEAST_RECALL) failures.push(`recall ${recall.toFixed(3)} in ${name} of ${scope.passages.size} passages`);
    if (found.underfilled > 0)
      failures.push(`${found.underfilled} searches in ${name} of ${scope.passages.size} returned too few`);
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
    title: 'Parts of the large tenant',
    text: 'The same of one collection, of many small ones, and of the documents that a metadata filter lets through, by their share of what the tenant has.',
    header: [
      'restricted to',
      'passages',
      'share',
      'recall',
      'too few',
      'VECTOR p50 ms',
      'p95 ms',
      'HYBRID p50 ms',
      'p95 ms',
      'mode',
    ],
    rows,
    failures,
  };
}
