import { createExtractive, type Search } from '../../../platform/ai/language/extractive-language-model.ts';
import type { LanguageModel } from '../../../platform/ai/language/language-model.ts';
import { DomainError } from '../../../platform/lib/errors.ts';
import { toolReferences } from '../../agents/exports.ts';
import { type Citation, collectionIdsOf, findAnswer } from '../../knowledge/exports.ts';
import { RunFailure } from '../errors.ts';
import type { RunLease } from '../lease/run-lease.ts';
import type { RunServices } from '../services.ts';

const MAX_CHUNKS = 8;
const MAX_QUESTION = 4_000;

export interface AgentModel {
  model: LanguageModel;
  /** Citations of the last answer, where the model itself searches. */
  citations: Citation[];
}

/**
 * Returns the agent's model or, without any configured provider, the built-in model that answers with sentences of the knowledge base.
 * Throws RunFailure if providers are configured but not the agent's: another model must not answer in its place.
 */
export function resolveModel(services: RunServices, { run, agent }: RunLease): AgentModel {
  const { language } = services.models;
  if (language.providers.length === 0) return extractive(services, agent.tools);
  const model = language.resolve(agent.provider, agent.model, run.tenantId);
  if (model) return { model, citations: [] };
  const message =
    `The agent's provider "${agent.provider}" is not configured. Add it to MODEL_PROVIDERS, or change the agent's provider to one of: ` +
    `${language.providers.join(', ')}.`;
  throw new RunFailure('MODEL_NOT_CONFIGURED', message);
}

const NOT_FOUND = `I am the built-in extractive model: I write nothing of my own, I only quote what a search finds in the agent's collections. \
It found nothing for this question. Other models need a provider, which the operator of this installation configures.`;

/** Searches the collections of the agent's `search_knowledge` tool. */
function extractive(services: RunServices, tools: unknown): AgentModel {
  const tool = toolReferences(tools).find(({ kind }) => kind === 'search_knowledge');
  const names = tool?.kind === 'search_knowledge' ? tool.collections : undefined;
  const citations: Citation[] = [];
  const search: Search = async (question, signal) => {
    const found = await answerFrom(services, names, question, signal);
    citations.splice(0, Number.POSITIVE_INFINITY, ...found.citations);
    // A text without citations is the message that nothing was found.
    return { answer: found.citations.length > 0 ? found.text : '' };
  };
  const model = createExtractive(search, { notFound: NOT_FOUND });
  return { model, citations };
}

async function answerFrom(services: RunServices, names: string[] | undefined, question: string, signal: AbortSignal) {
  try {
    return await findAnswer(
      { ...services, models: { ...services.models, answerGenerator: undefined } },
      {
        query: question.slice(0, MAX_QUESTION).toWellFormed(),
        topK: MAX_CHUNKS,
        strategy: 'HYBRID',
        filter: {},
        vectorWeight: 1,
        keywordWeight: 1,
        ...(names ? { collectionIds: await collectionIdsOf(services.prisma, names) } : {}),
      },
      { signal },
    );
  } catch (error) {
    // Permanent, such as an archived or deleted collection.
    if (!(error instanceof DomainError) || error.code === 'UNAVAILABLE') throw error;
    throw new RunFailure('SEARCH_FAILED', error.message);
  }
}
