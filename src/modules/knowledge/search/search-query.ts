import { SearchMode } from '../../../generated/prisma/enums.ts';
import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { enumOf } from '../../../platform/graphql/kit/enums.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { Collection } from '../collection.ts';
import { Chunk } from '../documents/chunk.ts';
import { Document } from '../documents/document.ts';
import type { SearchHit } from './rank-fusion.ts';
import { type LoggedSearch, searchKnowledge } from './search.ts';
import { queryRule, searchFields, searchInput } from './search-fields.ts';

export const SearchModeEnum = enumOf(
  'SearchMode',
  SearchMode,
  'How vectors were compared. EXACT: with every passage in scope. HNSW: along the index of near neighbours.',
);

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
      resolve: ({ chunkId }, _args, context) => Chunk.load(context, chunkId),
    }),
    document: t.field({
      type: Document,
      nullable: true,
      description: 'Its document.',
      resolve: async ({ chunkId }, _args, context) => Document.load(context, (await Chunk.load(context, chunkId))?.documentId),
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
      resolve: ({ collectionIds }, _args, context) => Promise.all(collectionIds.map((id) => Collection.load(context, id))),
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
