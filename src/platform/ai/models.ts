import { type AnswerGenerator, type AnswerModelOptions, createAnswerGenerator } from './answer-generator.ts';
import type { Embedder } from './embedding/embedder.ts';
import { hashingEmbedder } from './embedding/hashing-embedder.ts';
import { createProviderEmbedder, type EmbeddingModelOptions, type Pace } from './embedding/provider-embedder.ts';
import type { LanguageModels } from './language/language-model.ts';
import { createLanguageModels, type LanguageProviderOptions, type StepLatencies } from './language/language-model-registry.ts';
import type { OnUsage, Usage } from './usage.ts';

export interface ModelOptions {
  /** Without one, collections are embedded by `local-lexical`. */
  embeddings: EmbeddingModelOptions | undefined;
  answers: AnswerModelOptions | undefined;
  /** Whose models agents run on. */
  providers?: readonly LanguageProviderOptions[] | undefined;
}

/** The models of an installation. */
export interface Models {
  /** What new collections take: the configured one, else local-lexical. */
  readonly defaultEmbedder: Embedder;
  /** By the id a collection was made with. Undefined when it is no longer configured. `local-lexical` is always there. */
  embedder(id: string): Embedder | undefined;
  /** The default first. */
  readonly embedderIds: string[];
  /** Undefined when no model is configured. */
  readonly answerGenerator: AnswerGenerator | undefined;
  /** What agents run on. */
  readonly language: LanguageModels;
  /** Told of every request to a provider, retries included. May be replaced at any time. */
  onUsage: OnUsage;
}

/** Throws where the configuration cannot work. Asks no provider anything. @param pace for tests */
export function createModels({ embeddings, answers, providers = [] }: ModelOptions, pace: Pace & StepLatencies = {}): Models {
  // Warnings of the SDK, such as of a model that takes no temperature, would come with every request and past the log.
  globalThis.AI_SDK_LOG_WARNINGS = false;
  const report = (usage: Usage) => models.onUsage(usage);
  const configured = embeddings && createProviderEmbedder(embeddings, report, pace);
  const embedders = new Map([configured, hashingEmbedder].flatMap((embedder) => (embedder ? [[embedder.id, embedder]] : [])));
  const models: Models = {
    defaultEmbedder: configured ?? hashingEmbedder,
    embedder: (id) => embedders.get(id),
    embedderIds: [...embedders.keys()],
    answerGenerator: answers && createAnswerGenerator(answers, report, pace),
    language: createLanguageModels(providers, report, pace),
    onUsage: () => {},
  };
  return models;
}
