import { type AnswerGenerator, type AnswerModelOptions, createAnswerGenerator } from './answer-generator.ts';
import type { Embedder } from './embedding/embedder.ts';
import { hashingEmbedder } from './embedding/hashing-embedder.ts';
import { createProviderEmbedder, type EmbeddingModelOptions, type Pace } from './embedding/provider-embedder.ts';
import type { LanguageModels } from './language/language-model.ts';
import { createLanguageModels, type LanguageProviderOptions, type StepLatencies } from './language/language-model-registry.ts';
import type { OnUsage, Usage } from './usage.ts';

export interface ModelOptions {
  /** The embedding model. @default `local-lexical` */
  embeddings: EmbeddingModelOptions | undefined;
  answers: AnswerModelOptions | undefined;
  /** The providers of language models. */
  providers?: readonly LanguageProviderOptions[] | undefined;
}

/** The models of an installation. */
export interface Models {
  /** The configured embedder, otherwise `local-lexical`. */
  readonly defaultEmbedder: Embedder;
  /** Returns an embedder by its id, or undefined if it is not configured. `local-lexical` is always available. */
  embedder(id: string): Embedder | undefined;
  /** The ids of all embedders, the default first. */
  readonly embedderIds: string[];
  /** Undefined if no answer model is configured. */
  readonly answerGenerator: AnswerGenerator | undefined;
  /** The language models. */
  readonly language: LanguageModels;
  /** Called for every request to a provider, including retries. Can be replaced at any time. */
  onUsage: OnUsage;
}

/** Throws for an invalid configuration. Sends no request. @param pace for tests */
export function createModels({ embeddings, answers, providers = [] }: ModelOptions, pace: Pace & StepLatencies = {}): Models {
  // The SDK would write warnings, such as of an unsupported temperature, to the console with every request.
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
