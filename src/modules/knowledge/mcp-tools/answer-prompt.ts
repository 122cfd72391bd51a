import type { PromptDefinition } from '../../../platform/mcp-server/define-prompt.ts';
import { collectionIdsOf, collectionSlugs } from '../resolve-collections.ts';
import { requireQuery } from '../search/search.ts';
import { searchChunks } from './search-chunks.ts';

const MAX_CHUNKS = 8;
const MAX_SLUGS = 101;

/** What a person picks in their client to have a question answered from the documents. */
export const answerPrompt: PromptDefinition = {
  name: 'answer_from_knowledge',
  title: 'Answer from knowledge',
  description: "Answers a question from the tenant's documents, with the passages at hand.",
  access: 'knowledge:read',
  arguments: [
    { name: 'question', description: 'What you want to know.', required: true },
    {
      name: 'collection',
      description: 'Slug of the collection to look in. All active ones when absent.',
      required: false,
      complete: ({ prisma }, beginning) => collectionSlugs(prisma, beginning, MAX_SLUGS),
    },
  ],
  async run(services, { question = '', collection }) {
    const query = requireQuery(question.slice(0, 4_000), ['arguments', 'question']);
    const { passages } = await searchChunks(services, {
      query,
      collectionIds: collection ? await collectionIdsOf(services.prisma, [collection]) : undefined,
      topK: MAX_CHUNKS,
      strategy: 'HYBRID',
      filter: {},
      vectorWeight: 1,
      keywordWeight: 1,
    });
    return [
      ...passages.map(({ uri, text }) => ({
        role: 'user' as const,
        content: { type: 'resource' as const, resource: { uri, mimeType: 'text/plain', text } },
      })),
      {
        role: 'user',
        content: {
          type: 'text',
          text: `Answer from the passages above and name the documents you use. Where they say nothing about it, say so.\n\n${query}`,
        },
      },
    ];
  },
};
