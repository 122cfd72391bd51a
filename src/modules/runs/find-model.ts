import type { LanguageModel } from '../../models/language.ts';
import { toolReferences } from '../agents/tool-references.ts';
import { findAnswer } from '../knowledge/ask.ts';
import { collectionIdsOf } from '../knowledge/find-collections.ts';
import { RunFailure } from './errors.ts';
import type { RunServices } from './services.ts';
import type { Claim } from './under-claim.ts';

const PASSAGES = 8;

/**
 * The agent's model; where no provider is configured at all, the built-in one that answers with sentences of the knowledge base. Throws
 * RunFailure where there are providers, and not the agent's: an answer of another one would be a surprise.
 */
export async function findModel(services: RunServices, { agent }: Claim): Promise<LanguageModel> {
  const { language } = services.models;
  if (language.providers.length === 0) {
    const { createExtractive } = await import('../../models/extractive.ts');
    return createExtractive((question) => answerFrom(services, agent.tools, question));
  }
  const model = language.resolve(agent.provider, agent.model);
  if (model) return model;
  const message =
    `The agent's provider "${agent.provider}" is not configured. Add it to MODEL_PROVIDERS, or change the agent's provider to one of: ` +
    `${language.providers.join(', ')}.`;
  throw new RunFailure('MODEL_NOT_CONFIGURED', message);
}

async function answerFrom(services: RunServices, tools: unknown, question: string): Promise<{ answer: string }> {
  const search = toolReferences(tools).find((tool) => tool.kind === 'search_knowledge');
  const names = search?.kind === 'search_knowledge' ? search.collections : undefined;
  const { text } = await findAnswer(
    { ...services, models: { ...services.models, answerer: undefined } },
    {
      query: question.slice(0, 4_000).toWellFormed(),
      topK: PASSAGES,
      strategy: 'HYBRID',
      filter: {},
      vectorWeight: 1,
      keywordWeight: 1,
      ...(names ? { collectionIds: await collectionIdsOf(services.prisma, names) } : {}),
    },
  );
  return { answer: text };
}
