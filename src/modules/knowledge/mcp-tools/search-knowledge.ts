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
    "Searches the tenant's documents and returns the passages that fit best, with the document, page and section each stands in. " +
    'Quote the passages; do not answer beyond them.',
  access: 'knowledge:read',
  // The search is logged, but that is the server's doing: whoever may only read may search.
  writes: false,
  input: {
    query: queryRule.describe('What to look for, in plain words.'),
    collections: z
      .array(z.string().min(1).max(63))
      .min(1)
      .max(50)
      .optional()
      .describe('Ids or slugs of the collections to look in. All active ones when absent.'),
    topK: z.number().int().min(1).max(50).default(8).describe('How many passages at most.'),
    strategy: z
      .enum(SearchStrategy)
      .default('HYBRID')
      .describe('VECTOR: by nearness of meaning. KEYWORD: by words. HYBRID: by both.'),
    minScore: ratioRule.optional().describe('Leaves out passages with a lower score, 0 to 1.'),
  },
  output: {
    hits: z.array(
      z.object({
        documentId: z.uuid(),
        title: z.string().describe("The document's title."),
        uri: z.string().describe('The document as a resource.'),
        page: z.number().int().nullable().describe('The page it begins on, where there are pages.'),
        section: z.string().nullable().describe('The headings it stands under.'),
        text: z.string(),
        score: z.number().describe('How well it fits, 0 to 1, comparable within one search.'),
      }),
    ),
    mode: z.enum(SearchMode).nullable().describe('How vectors were compared. Null where none were.'),
    truncated: z.boolean().describe('Whether more passages fitted than were asked for.'),
    queryId: z.uuid().describe('The search in the log of the tenant.'),
  },
  content: (output) => [
    asJson(output),
    ...new Map(
      output.hits.map(({ uri, title }) => [uri, { type: 'resource_link' as const, uri, name: title, mimeType: 'text/plain' }]),
    ).values(),
  ],
  async run(services, { query, collections, topK, strategy, minScore }) {
    const collectionIds = collections && (await collectionIdsOf(services.prisma, collections));
    const { search, passages } = await searchChunks(services, {
      query,
      collectionIds,
      topK,
      strategy,
      minScore,
      filter: {},
      vectorWeight: 1,
      keywordWeight: 1,
    });
    return { hits: passages, mode: search.mode, truncated: search.truncated, queryId: search.ragQueryId };
  },
});
