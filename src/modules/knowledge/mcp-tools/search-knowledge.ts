import { z } from 'zod';
import { SearchMode, SearchStrategy } from '../../../generated/prisma/enums.ts';
import { asJson, defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { collectionIdsOf } from '../resolve-collections.ts';
import { queryRule, ratioRule } from '../search/search-fields.ts';
import { searchChunks } from './search-chunks.ts';

export const searchKnowledgeTool = defineTool({
  name: 'search_knowledge',
  title: 'Search knowledge',
  description:
    "Searches the tenant's documents and returns the most relevant chunks, each with its document, page and section. " +
    'Quote the chunks and answer only from them.',
  access: 'knowledge:read',
  // The server writes the search log, so that the tool needs read access only.
  writes: false,
  input: {
    query: queryRule.describe('Search text, 1 to 4000 characters.'),
    collections: z
      .array(z.string().min(1).max(63))
      .min(1)
      .max(50)
      .optional()
      .describe('Ids or slugs of the collections to search. Default: all active collections.'),
    topK: z.number().int().min(1).max(50).default(8).describe('Maximum number of chunks.'),
    strategy: z
      .enum(SearchStrategy)
      .default('HYBRID')
      .describe('VECTOR: by similarity of embeddings. KEYWORD: full-text search. HYBRID: both.'),
    minScore: ratioRule.optional().describe('Minimum score of a chunk, 0 to 1.'),
  },
  output: {
    hits: z.array(
      z.object({
        documentId: z.uuid(),
        title: z.string().describe('Title of the document.'),
        uri: z.string().describe('URI of the document as a resource.'),
        page: z.number().int().nullable().describe('Page on which the chunk begins. Null for formats without pages.'),
        section: z.string().nullable().describe('Headings above the chunk. Null without headings.'),
        text: z.string(),
        score: z.number().describe('Relevance, 0 to 1, comparable within one search only.'),
      }),
    ),
    mode: z.enum(SearchMode).nullable().describe('Method of the vector search. Null without one.'),
    truncated: z.boolean().describe('Whether more chunks matched than requested.'),
    queryId: z.uuid().describe('Id of the logged search.'),
  },
  content: (output) => [
    asJson(output),
    ...new Map(
      output.hits.map(({ uri, title }) => [uri, { type: 'resource_link' as const, uri, name: title, mimeType: 'text/plain' }]),
    ).values(),
  ],
  async run(services, { query, collections, topK, strategy, minScore }) {
    const collectionIds = collections && (await collectionIdsOf(services.prisma, collections));
    const { search, chunks } = await searchChunks(services, {
      query,
      collectionIds,
      topK,
      strategy,
      minScore,
      filter: {},
      vectorWeight: 1,
      keywordWeight: 1,
    });
    return { hits: chunks, mode: search.mode, truncated: search.truncated, queryId: search.ragQueryId };
  },
});
