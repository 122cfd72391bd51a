import { SearchMode, SearchStrategy } from '../../../generated/prisma/enums.ts';
import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { intRule, jsonObjectRule } from '../../../platform/graphql/kit/rules.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { SearchHit } from '../search/rank-fusion.ts';
import { type LoggedSearch, requireQuery, type SearchInput, searchKnowledge } from '../search/search.ts';
import type { ScopeFilter } from '../search/search-scope.ts';
import { Chunk, loadChunk } from './chunk.ts';
import { Collection, loadCollection } from './collection.ts';
import { Document, loadDocument } from './document.ts';
import { queryRule, ratioRule, weightRule } from './rules.ts';

export const SearchStrategyEnum = builder.enumType(SearchStrategy, {
  name: 'SearchStrategy',
  description:
    'How passages are looked for. VECTOR: by nearness in the space of the embedding model. KEYWORD: by words, in the language of the ' +
    'collection. HYBRID: by both, fused by their ranks.',
});

export const SearchModeEnum = builder.enumType(SearchMode, {
  name: 'SearchMode',
  description: 'How vectors were compared. EXACT: with every passage in scope. HNSW: along the index of near neighbours.',
});

const SearchFilter = builder.inputType('SearchFilter', {
  description: 'Conditions on the documents that are searched. All must hold.',
  fields: (t) => ({
    metadata: t.field({ type: 'JSONObject', description: 'What their metadata must contain.', validate: jsonObjectRule }),
    mediaTypes: t.stringList({ description: 'Of one of these media types.' }),
    uploadedAfter: t.field({ type: 'DateTime', description: 'Uploaded at or after this moment.' }),
    uploadedBefore: t.field({ type: 'DateTime', description: 'Uploaded before this moment.' }),
  }),
});

type Inputs = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0];

/** What every search can be told, in `searchKnowledge` and `askKnowledge`. */
export function searchFields(t: Inputs, topK: number) {
  return {
    collectionIds: t.idList({ description: 'Where to look. In all active collections when nothing is said.' }),
    topK: t.int({ description: `How many passages at most, 1 to 100. ${topK} when nothing is said.`, validate: intRule(1, 100) }),
    strategy: t.field({ type: SearchStrategyEnum, description: 'How to look. HYBRID when nothing is said.' }),
    filter: t.field({ type: SearchFilter, description: 'Only in documents that match.' }),
    minScore: t.float({ description: 'Leaves out passages with a lower score, 0 to 1.', validate: ratioRule }),
    vectorWeight: t.float({ description: 'How much nearness counts in HYBRID. 1 when nothing is said.', validate: weightRule }),
    keywordWeight: t.float({ description: 'How much words count in HYBRID. 1 when nothing is said.', validate: weightRule }),
  };
}

interface GivenSearch {
  collectionIds?: readonly (string | number)[] | null | undefined;
  topK?: number | null | undefined;
  strategy?: SearchStrategy | null | undefined;
  filter?:
    | {
        metadata?: Record<string, unknown> | null | undefined;
        mediaTypes?: string[] | null | undefined;
        uploadedAfter?: Date | null | undefined;
        uploadedBefore?: Date | null | undefined;
      }
    | null
    | undefined;
  minScore?: number | null | undefined;
  vectorWeight?: number | null | undefined;
  keywordWeight?: number | null | undefined;
}

function withoutNulls(filter: NonNullable<GivenSearch['filter']>): ScopeFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value != null));
}

export function collectionUuids(ids: readonly (string | number)[], path: string[]): string[] {
  return [...new Set(ids.map((id, index) => parseId('Collection', String(id), [...path, String(index)])))];
}

export function searchInput(query: string, given: GivenSearch, topK: number): SearchInput {
  return {
    query: requireQuery(query, ['input', 'query']),
    collectionIds: given.collectionIds ? collectionUuids(given.collectionIds, ['input', 'collectionIds']) : undefined,
    topK: given.topK ?? topK,
    strategy: given.strategy ?? 'HYBRID',
    filter: given.filter ? withoutNulls(given.filter) : {},
    minScore: given.minScore ?? undefined,
    vectorWeight: given.vectorWeight ?? 1,
    keywordWeight: given.keywordWeight ?? 1,
  };
}

type Hit = SearchHit & { query: string };

/** The words of the query in a passage, marked: for all hits of an operation in one statement. */
async function excerptOf({ loaders, database }: GraphQLContext, { chunkId, query }: Hit): Promise<string> {
  const excerpts = loaders.get<string>(`excerpt:${query}`, async (ids) => {
    const found = await queryRows<{ id: string; excerpt: string }>(
      database,
      sql`SELECT k.id, ts_headline(c.language::regconfig, k.content, websearch_to_tsquery(c.language::regconfig, ${query}),
          'StartSel=**, StopSel=**, MaxWords=40, MinWords=20, MaxFragments=2, FragmentDelimiter=" … "') AS excerpt
        FROM chunks k JOIN collections c ON c.tenant_id = k.tenant_id AND c.id = k.collection_id WHERE k.id = ANY (${[...ids]}::uuid[])`,
    );
    const byId = new Map(found.map(({ id, excerpt }) => [id, excerpt]));
    return ids.map((id) => byId.get(id) ?? '');
  });
  return excerpts.load(chunkId);
}

const SearchHitType = builder.objectRef<Hit>('SearchHit').implement({
  description: 'A passage that was found.',
  fields: (t) => ({
    score: t.exposeFloat('score', {
      description:
        'How well it fits, 0 to 1, comparable within one search. VECTOR: cosine similarity. KEYWORD: cover density rank (ts_rank_cd), above one ' +
        'half where all words occur. HYBRID: reciprocal rank fusion, 1 for what is first by both.',
    }),
    vectorRank: t.exposeInt('vectorRank', {
      nullable: true,
      description: 'Its place by nearness, from 1. Null where that did not find it.',
    }),
    keywordRank: t.exposeInt('keywordRank', {
      nullable: true,
      description: 'Its place by words, from 1. Null where that did not find it.',
    }),
    similarity: t.exposeFloat('similarity', {
      nullable: true,
      description: 'Cosine similarity to the query, 0 to 1, where vectors were compared.',
    }),
    excerpt: t.string({
      description: 'The part of the passage around the words of the query, which stand between `**`.',
      resolve: (hit, _args, context) => excerptOf(context, hit),
    }),
    chunk: t.field({
      type: Chunk,
      nullable: true,
      description: 'The passage. Null if it has gone since.',
      resolve: ({ chunkId }, _args, context) => loadChunk(context, chunkId),
    }),
    document: t.field({
      type: Document,
      nullable: true,
      description: 'Its document.',
      resolve: async ({ chunkId }, _args, context) => loadDocument(context, (await loadChunk(context, chunkId))?.documentId),
    }),
  }),
});

export const SearchResult = builder.objectRef<LoggedSearch & { query: string }>('SearchKnowledgeResult').implement({
  description: 'What a search found.',
  fields: (t) => ({
    hits: t.field({
      type: [SearchHitType],
      description: 'The passages, best first.',
      complexity: { field: 0, multiplier: 1 },
      resolve: ({ hits, query }) => hits.map((hit) => ({ ...hit, query })),
    }),
    mode: t.field({
      type: SearchModeEnum,
      nullable: true,
      description: 'How vectors were compared. Null where none were.',
      resolve: ({ mode }) => mode,
    }),
    requested: t.exposeInt('requested', { description: 'How many passages were asked for.' }),
    returned: t.int({ description: 'How many there are.', resolve: ({ hits }) => hits.length }),
    truncated: t.exposeBoolean('truncated', { description: 'Whether more were found than were asked for.' }),
    responseMs: t.exposeInt('responseMs', { description: 'How long the search took, in milliseconds.' }),
    queryId: t.id({
      description: 'The search as it was logged, for `submitSearchFeedback`.',
      resolve: ({ ragQueryId }) => ragQueryId,
    }),
    collections: t.field({
      type: [Collection],
      nullable: { list: false, items: true },
      description: 'The collections that were searched.',
      resolve: ({ collectionIds }, _args, context) => Promise.all(collectionIds.map((id) => loadCollection(context, id))),
    }),
  }),
});

const DEFAULT_HITS = 10;

const SearchKnowledgeInput = builder.inputType('SearchKnowledgeInput', {
  description: 'What to look for, and where.',
  fields: (t) => ({
    query: t.string({
      required: true,
      description: 'What to look for, in plain words. For KEYWORD and HYBRID "a phrase", -without and or are understood.',
      validate: queryRule,
    }),
    ...searchFields(t as never, DEFAULT_HITS),
  }),
});

builder.queryField('searchKnowledge', (t) =>
  t.field({
    type: SearchResult,
    description: 'Searches documents by nearness, by words, or by both.',
    authScopes: { permission: 'knowledge:read' },
    complexity: ({ input }: { input: { topK?: number | null } }) => ({
      field: 50,
      multiplier: Math.min(Math.max(input.topK ?? DEFAULT_HITS, 1), 100),
    }),
    args: { input: t.arg({ type: SearchKnowledgeInput, required: true, description: 'What to look for.' }) },
    resolve: async (_root, { input }, context) => {
      const wanted = searchInput(input.query, input, DEFAULT_HITS);
      return { ...(await searchKnowledge(context, wanted)), query: wanted.query };
    },
  }),
);
