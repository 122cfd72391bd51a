import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { prismaEnum } from '../../../platform/graphql/kit/enums.ts';
import { selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { Collection } from '../collection.ts';
import { Chunk } from '../documents/chunk.ts';
import { Document } from '../documents/document.ts';
import type { SearchHit } from './rank-fusion.ts';
import { type LoggedSearch, searchKnowledge } from './search.ts';
import { queryRule, searchFields, searchInput } from './search-fields.ts';

type Hit = SearchHit & { query: string };

/** The highlighted part of a chunk, for all hits of an operation in one statement. */
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
  description: 'A chunk that a search found.',
  fields: (t) => ({
    score: t.exposeFloat('score', {
      description:
        'Relevance, 0 to 1, comparable within one search only. VECTOR: cosine similarity. KEYWORD: cover density rank (ts_rank_cd), above 0.5 if ' +
        'all words occur. HYBRID: reciprocal rank fusion, 1 for the first rank in both.',
    }),
    vectorRank: t.exposeInt('vectorRank', {
      nullable: true,
      description: 'Rank in the vector search, from 1. Null if the vector search did not find the chunk.',
    }),
    keywordRank: t.exposeInt('keywordRank', {
      nullable: true,
      description: 'Rank in the keyword search, from 1. Null if the keyword search did not find the chunk.',
    }),
    similarity: t.exposeFloat('similarity', {
      nullable: true,
      description: 'Cosine similarity to the query, 0 to 1. Null if the vector search did not find the chunk.',
    }),
    excerpt: t.string({
      description: 'Part of the chunk around the words of the query, each marked as `**word**`.',
      resolve: (hit, _args, context) => excerptOf(context, hit),
    }),
    chunk: t.field({
      type: Chunk,
      nullable: true,
      description: 'The chunk. Null if it was deleted after the search.',
      resolve: ({ chunkId }, _args, context) => Chunk.load(context, chunkId),
    }),
    document: t.field({
      type: Document,
      nullable: true,
      description: 'Document of the chunk. Null if it was deleted after the search.',
      resolve: async ({ chunkId }, _args, context) => Document.load(context, (await Chunk.load(context, chunkId))?.documentId),
    }),
  }),
});

export const SearchResult = builder.objectRef<LoggedSearch & { query: string }>('SearchKnowledgeResult').implement({
  description: 'Result of a search.',
  fields: (t) => ({
    hits: t.field({
      type: [SearchHitType],
      description: 'The chunks, in descending order of score.',
      complexity: { field: 0, multiplier: 1 },
      resolve: ({ hits, query }) => hits.map((hit) => ({ ...hit, query })),
    }),
    mode: t.field({
      type: prismaEnum('SearchMode'),
      nullable: true,
      description: 'Method of the vector search. Null for KEYWORD, and if there was no chunk to compare.',
      resolve: ({ mode }) => mode,
    }),
    requested: t.exposeInt('requested', { description: 'Maximum number of chunks that the query requested.' }),
    returned: t.int({ description: 'Number of hits.', resolve: ({ hits }) => hits.length }),
    truncated: t.exposeBoolean('truncated', { description: 'Whether more chunks matched than requested.' }),
    responseMs: t.exposeInt('responseMs', { description: 'Duration of the search, in milliseconds.' }),
    queryId: t.id({
      description: 'Id of the logged search, for `submitSearchFeedback`.',
      resolve: ({ ragQueryId }) => ragQueryId,
    }),
    collections: t.field({
      type: [Collection],
      nullable: { list: false, items: true },
      description: 'The searched collections.',
      resolve: ({ collectionIds }, _args, context, info) => {
        const properties = selectedProperties(info, 'Collection');
        return Promise.all(collectionIds.map((id) => Collection.load(context, id, properties)));
      },
    }),
  }),
});

const DEFAULT_HITS = 10;

const SearchKnowledgeInput = builder.inputType('SearchKnowledgeInput', {
  description: 'Input of `searchKnowledge`.',
  fields: (t) => ({
    query: t.string({
      required: true,
      description: 'Search text, 1 to 4000 characters. KEYWORD and HYBRID support "quoted phrases", -excluded words and `or`.',
      validate: queryRule,
    }),
    ...searchFields(t as never, DEFAULT_HITS),
  }),
});

builder.queryField('searchKnowledge', (t) =>
  t.field({
    type: SearchResult,
    description: 'Searches the chunks of documents by similarity, by keywords, or by both.',
    authScopes: { permission: 'knowledge:read' },
    complexity: ({ input }: { input: { topK?: number | null } }) => ({
      field: 50,
      multiplier: Math.min(Math.max(input.topK ?? DEFAULT_HITS, 1), 100),
    }),
    args: { input: t.arg({ type: SearchKnowledgeInput, required: true, description: 'The query and its options.' }) },
    resolve: async (_root, { input }, context) => {
      const search = searchInput(input.query, input, DEFAULT_HITS);
      return { ...(await searchKnowledge(context, search)), query: search.query };
    },
  }),
);
