import type { SearchMode, SearchStrategy } from '../../../generated/prisma/client.ts';
import { EmbeddingError } from '../../../platform/ai/embedding/embedder.ts';
import { InvalidStateError, UnavailableError, ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { currentScope } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { KnowledgeServices } from '../services.ts';
import type { SearchHit } from './rank-fusion.ts';
import { type Ranked, reciprocalRankFusion } from './rank-fusion.ts';
import { readSearchScope, type ScopeFilter, type SearchScope } from './search-scope.ts';
import { vectorText } from './vector-text.ts';

export interface SearchInput {
  query: string;
  /** All active collections of the tenant when absent. */
  collectionIds?: string[] | undefined;
  topK: number;
  strategy: SearchStrategy;
  filter: ScopeFilter;
  /** Hits below it are left out, 0 to 1. */
  minScore?: number | undefined;
  vectorWeight: number;
  keywordWeight: number;
}

export interface SearchOutcome {
  hits: SearchHit[];
  /** How vectors were compared. Null for KEYWORD, and where there was nothing to compare. */
  mode: SearchMode | null;
  requested: number;
  /** Whether more passages matched than were asked for. */
  truncated: boolean;
  responseMs: number;
}

export type LoggedSearch = SearchOutcome & { ragQueryId: string; collectionIds: string[] };

/** The index is walked past everybody's passages: below this share of all, it mostly meets those of others and misses more. */
const INDEX_FROM_SHARE = 0.2;

/** How deep each way looks: deep enough that what is middling in both can come out on top. */
function depthOf(topK: number): number {
  return Math.min(Math.max(topK * 4, 50), 400);
}

/** Searches, as whoever acts, and writes no log. */
export async function search(
  services: KnowledgeServices,
  input: SearchInput,
): Promise<SearchOutcome & { collectionIds: string[] }> {
  const startedAt = performance.now();
  const scope = await readSearchScope(services, input.collectionIds, input.filter);
  const depth = depthOf(input.topK);
  const [nearest, matching] = await Promise.all([
    input.strategy === 'KEYWORD' ? undefined : searchVectors(services, scope, input, depth),
    input.strategy === 'VECTOR' ? undefined : searchWords(services, scope, input, depth),
  ]);
  const fused = reciprocalRankFusion({
    vector: nearest?.lists ?? [],
    keyword: matching ?? [],
    vectorWeight: input.vectorWeight,
    keywordWeight: input.keywordWeight,
  });
  const good = fused.filter(({ score }) => score >= (input.minScore ?? 0));
  return {
    hits: good.slice(0, input.topK),
    mode: nearest?.mode ?? null,
    requested: input.topK,
    truncated: good.length > input.topK,
    responseMs: Math.max(0, Math.round(performance.now() - startedAt)),
    collectionIds: scope.collections.map(({ id }) => id),
  };
}

/** Searches and keeps what was asked and found, for whoever may only read as well: the log is the server's. */
export async function searchKnowledge(services: KnowledgeServices, input: SearchInput): Promise<LoggedSearch> {
  const outcome = await search(services, input);
  const { tenantId, userId } = currentScope().context;
  const ragQueryId = newId();
  const results = outcome.hits.map(({ chunkId, score }) => ({ chunkId, score }));
  await services.database.transaction(
    () =>
      services.prisma.ragQuery.create({
        data: {
          tenantId: tenantId ?? '',
          id: ragQueryId,
          userId: userId ?? null,
          query: input.query,
          strategy: input.strategy,
          mode: outcome.mode,
          collectionIds: outcome.collectionIds,
          filters: JSON.parse(JSON.stringify(input.filter)),
          results,
          requested: outcome.requested,
          returned: outcome.hits.length,
          topScore: outcome.hits[0]?.score ?? null,
          responseMs: outcome.responseMs,
        },
        select: { id: true },
      }),
    { readOnly: false },
  );
  return { ...outcome, ragQueryId };
}

async function searchVectors(services: KnowledgeServices, scope: SearchScope, { query, filter }: SearchInput, depth: number) {
  const groups = [...Map.groupBy(scope.collections, ({ embeddingModel }) => embeddingModel)];
  let mode: SearchMode | null = null;
  const lists: Ranked[][] = [];
  for (const [model, collections] of groups) {
    const chunkCount = collections.reduce((sum, collection) => sum + collection.chunkCount, 0);
    if (chunkCount === 0) continue;
    const vector = await embedQuery(services, model, query);
    const target = { vector, model, ids: collections.map(({ id }) => id), filter, depth };
    const byIndex = chunkCount > services.knowledgeLimits.exactUpTo && chunkCount >= scope.allChunks * INDEX_FROM_SHARE;
    const found = byIndex ? await nearest(services, 'nearest_chunks_by_index', target) : undefined;
    // The index gave up before it had enough: then every passage in scope is compared after all.
    if (found && found.length >= Math.min(depth, chunkCount)) {
      lists.push(found);
      mode ??= 'HNSW';
    } else {
      lists.push(await nearest(services, 'nearest_chunks_exactly', target));
      mode = 'EXACT';
    }
  }
  return { lists, mode };
}

async function embedQuery({ models }: KnowledgeServices, model: string, query: string): Promise<Float32Array> {
  const embedder = models.embedder(model);
  if (!embedder) {
    throw new InvalidStateError(
      `A collection uses the model ${model}, which this server does not have any more. Search it with KEYWORD, or reprocess it.`,
    );
  }
  try {
    const { vectors } = await embedder.embed([query], { purpose: 'query' });
    return vectors[0] as Float32Array;
  } catch (error) {
    if (error instanceof EmbeddingError)
      throw new UnavailableError(`The query could not be embedded. ${error.message}`, { cause: error });
    throw error;
  }
}

interface VectorTarget {
  vector: Float32Array;
  model: string;
  ids: string[];
  filter: ScopeFilter;
  depth: number;
}

function filterArguments({ metadata, mediaTypes, uploadedAfter, uploadedBefore }: ScopeFilter) {
  return sql`${metadata === undefined ? null : JSON.stringify(metadata)}::jsonb, ${mediaTypes ?? null}::text[],
    ${uploadedAfter ?? null}::timestamptz, ${uploadedBefore ?? null}::timestamptz`;
}

function nearest(
  { database }: KnowledgeServices,
  way: 'nearest_chunks_exactly' | 'nearest_chunks_by_index',
  { vector, model, ids, filter, depth }: VectorTarget,
): Promise<Ranked[]> {
  const given = sql`${vectorText(vector)}::vector, ${model}, ${ids}::uuid[], ${filterArguments(filter)}, ${depth}::integer`;
  return queryRows<Ranked>(
    database,
    way === 'nearest_chunks_exactly'
      ? sql`SELECT chunk_id, score FROM app.nearest_chunks_exactly(${given})`
      : sql`SELECT chunk_id, score FROM app.nearest_chunks_by_index(${given})`,
  );
}

/** One list for each language of the collections, for words are cut to their stems in one. */
function searchWords(
  services: KnowledgeServices,
  scope: SearchScope,
  { query, filter }: SearchInput,
  depth: number,
): Promise<Ranked[][]> {
  const groups = [...Map.groupBy(scope.collections, ({ language }) => language)];
  return Promise.all(
    groups.map(([language, collections]) =>
      queryRows<Ranked>(
        services.database,
        sql`SELECT chunk_id, score FROM app.match_chunks(${language}::regconfig, ${query}, ${collections.map(({ id }) => id)}::uuid[],
          ${filterArguments(filter)}, ${depth}::integer)`,
      ),
    ),
  );
}

/** Throws ValidationError. */
export function requireQuery(query: string, path: string[]): string {
  const text = query.trim();
  if (text === '') throw ValidationError.inputPath(path, 'Must not be empty.');
  return text;
}
