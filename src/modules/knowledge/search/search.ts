import type { SearchMode, SearchStrategy } from '../../../generated/prisma/client.ts';
import { EmbeddingError } from '../../../platform/ai/embedding/embedder.ts';
import { InvalidStateError, UnavailableError, ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { currentScope } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { embedRecorded } from '../embed-recorded.ts';
import type { KnowledgeServices } from '../services.ts';
import type { SearchHit } from './rank-fusion.ts';
import { type Ranked, reciprocalRankFusion } from './rank-fusion.ts';
import { readSearchScope, type ScopeFilter, type SearchScope } from './search-scope.ts';

export interface SearchInput {
  query: string;
  /** @default all active collections of the tenant */
  collectionIds?: string[] | undefined;
  topK: number;
  strategy: SearchStrategy;
  filter: ScopeFilter;
  /** Minimum score of a hit, 0 to 1. */
  minScore?: number | undefined;
  vectorWeight: number;
  keywordWeight: number;
}

export interface SearchOutcome {
  hits: SearchHit[];
  /** Method of the vector search. Null for KEYWORD, and if there was no chunk to compare. */
  mode: SearchMode | null;
  requested: number;
  /** Whether more chunks matched than requested. */
  truncated: boolean;
  responseMs: number;
}

export type LoggedSearch = SearchOutcome & { ragQueryId: string; collectionIds: string[] };

/**
 * The HNSW index covers the chunks of all tenants. Below this share of all chunks, a scan of the index visits mostly chunks outside the scope,
 * which reduces recall.
 */
const MIN_INDEX_SHARE = 0.2;

/** Number of candidates per strategy: more than `topK`, so that a chunk with a middle rank in both lists can win after fusion. */
function depthOf(topK: number): number {
  return Math.min(Math.max(topK * 4, 50), 400);
}

/** Searches with the rights of the current context, without a row in the search log. */
export async function search(
  services: KnowledgeServices,
  input: SearchInput,
): Promise<SearchOutcome & { collectionIds: string[] }> {
  const startedAt = performance.now();
  const scope = await readSearchScope(services, input.collectionIds, input.filter);
  const depth = depthOf(input.topK);
  const [byVector, byKeyword] = await Promise.all([
    input.strategy === 'KEYWORD' ? undefined : searchVectors(services, scope, input, depth),
    input.strategy === 'VECTOR' ? undefined : searchWords(services, scope, input, depth),
  ]);
  const fused = reciprocalRankFusion({
    vector: byVector?.lists ?? [],
    keyword: byKeyword ?? [],
    vectorWeight: input.vectorWeight,
    keywordWeight: input.keywordWeight,
  });
  const matching = fused.filter(({ score }) => score >= (input.minScore ?? 0));
  return {
    hits: matching.slice(0, input.topK),
    mode: byVector?.mode ?? null,
    requested: input.topK,
    truncated: matching.length > input.topK,
    responseMs: Math.max(0, Math.round(performance.now() - startedAt)),
    collectionIds: scope.collections.map(({ id }) => id),
  };
}

/** Searches, and logs the query and its hits. The server writes the log: viewers with read access need no permission for it. */
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
    const byIndex = chunkCount > services.knowledgeLimits.exactUpTo && chunkCount >= scope.allChunks * MIN_INDEX_SHARE;
    const found = byIndex ? await nearest(services, 'nearest_chunks_by_index', target) : undefined;
    // The index scan stopped before it found enough chunks. The exact search compares every chunk in scope instead.
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

async function embedQuery(services: KnowledgeServices, model: string, query: string): Promise<Float32Array> {
  const embedder = services.models.embedder(model);
  if (!embedder) {
    throw new InvalidStateError(
      `The embedding model ${model} of a collection is not configured. Search with KEYWORD, or reprocess the collection with another model.`,
    );
  }
  try {
    const { vectors } = await embedRecorded(services, embedder, [query], { purpose: 'query' });
    return vectors[0] as Float32Array;
  } catch (error) {
    if (error instanceof EmbeddingError)
      throw new UnavailableError(`Embedding the query failed. ${error.message}`, { cause: error });
    throw error;
  }
}

/** The text representation that pgvector parses. */
export function vectorText(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
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
  method: 'nearest_chunks_exactly' | 'nearest_chunks_by_index',
  { vector, model, ids, filter, depth }: VectorTarget,
): Promise<Ranked[]> {
  const given = sql`${vectorText(vector)}::vector, ${model}, ${ids}::uuid[], ${filterArguments(filter)}, ${depth}::integer`;
  return queryRows<Ranked>(
    database,
    method === 'nearest_chunks_exactly'
      ? sql`SELECT chunk_id, score FROM app.nearest_chunks_exactly(${given})`
      : sql`SELECT chunk_id, score FROM app.nearest_chunks_by_index(${given})`,
  );
}

/** Returns one list for each language of the collections, because the language determines the stems of words. */
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
