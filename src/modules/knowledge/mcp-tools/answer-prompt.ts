import type { PromptDefinition } from '../../../platform/mcp-server/define-prompt.ts';
import { collectionIdsOf, collectionSlugs } from '../resolve-collections.ts';
import { requireQuery } from '../search/search.ts';
import { searchChunks } from './search-chunks.ts';

const MAX_CHUNKS = 8;
const MAX_SLUGS = 101;

/** The prompt that answers a question from the documents. */
export const answerPrompt: PromptDefinition = {
  name: 'answer_from_knowledge',
  title: 'Answer from knowledge',
  description: "Answers a question from the tenant's documents and includes the matching chunks.",
  access: 'knowledge:read',
  arguments: [
    { name: 'question', description: 'The question, at most 4000 characters.', required: true },
    {
      name: 'collection',
      description: 'Slug of the collection to search. Default: all active collections.',
      required: false,
      complete: ({ prisma }, prefix) => collectionSlugs(prisma, prefix, MAX_SLUGS),
    },
  ],
  async run(services, { question = '', collection }) {
    const query = requireQuery(question.slice(0, 4_000), ['arguments', 'question']);
    const { chunks } = await searchChunks(services, {
      query,
      collectionIds: collection ? await collectionIdsOf(services.prisma, [collection]) : undefined,
      topK: MAX_CHUNKS,
      strategy: 'HYBRID',
      filter: {},
      vectorWeight: 1,
      keywordWeight: 1,
    });
    return [
      ...chunks.map(({ uri, text }) => ({
        role: 'user' as const,
        content: { type: 'resource' as const, resource: { uri, mimeType: 'text/plain', text } },
      })),
      {
        role: 'user',
        content: {
          type: 'text',
          text: `Answer from the texts above and cite the documents you use. If they do not contain the answer, state that.\n\n${query}`,
        },
      },
    ];
  },
};
