import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { EmbeddingModel, LanguageModel } from 'ai';
import { providerFetch } from './provider-fetch.ts';

export interface ProviderOptions {
  /** `openai` for OpenAI; `openai-compatible` for any server with its protocol, such as vLLM, Ollama or TEI. */
  provider: 'openai' | 'openai-compatible';
  model: string;
  /** For example `http://127.0.0.1:11434/v1`. Required for `openai-compatible`. @default the address of OpenAI */
  baseUrl?: string | undefined;
  apiKey?: string | undefined;
}

/** The address, protocol and key of a provider. */
export interface Endpoint {
  kind: ProviderOptions['provider'] | 'anthropic';
  /** Required for `openai-compatible`. @default the address of the provider */
  baseUrl?: string | undefined;
  apiKey?: string | undefined;
}

const DEFAULT_BASE_URL = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  'openai-compatible': undefined,
};

/** Throws for an invalid base URL. The message contains neither address nor key. */
function checkedBaseUrl({ kind, baseUrl }: Endpoint): string {
  const address = baseUrl ?? DEFAULT_BASE_URL[kind];
  if (address === undefined) throw new Error('A model of an openai-compatible provider needs the base URL of its server.');
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new Error('The base URL of a model must be http or https, without user name, password and query.');
  }
  return url.href;
}

export interface ProviderClient {
  embedding(model: string): EmbeddingModel;
  /** @param usage whether to ask for token counts at the end of a stream, which some servers refuse. @default true */
  language(model: string, usage?: boolean): LanguageModel;
}

/** Creates a client. Sends no request. */
export function createProviderClient(endpoint: Endpoint, maxAnswerBytes: number): ProviderClient {
  const { kind, apiKey } = endpoint;
  const baseURL = checkedBaseUrl(endpoint);
  const fetch = providerFetch(maxAnswerBytes);
  if (kind === 'openai-compatible') {
    const settings = { name: kind, baseURL, ...(apiKey && { apiKey }), fetch };
    const compatible = createOpenAICompatible({ ...settings, includeUsage: true });
    const withoutUsage = createOpenAICompatible(settings);
    return {
      embedding: (model) => compatible.embeddingModel(model),
      language: (model, usage = true) => (usage ? compatible : withoutUsage).chatModel(model),
    };
  }
  // Both are always passed, so that the SDK does not read them from the environment.
  if (!apiKey) throw new Error(`A model of ${kind === 'openai' ? 'OpenAI' : 'Anthropic'} needs an API key.`);
  if (kind === 'anthropic') {
    const anthropic = createAnthropic({ baseURL, apiKey, fetch });
    return { embedding: (model) => anthropic.embeddingModel(model), language: (model) => anthropic.chat(model) };
  }
  const openai = createOpenAI({ baseURL, apiKey, fetch });
  // Chat completions, not the SDK's default of responses: OpenAI stores responses by default.
  return { embedding: (model) => openai.embedding(model), language: (model) => openai.chat(model) };
}

export function connectProvider({ provider, model, baseUrl, apiKey }: ProviderOptions, maxAnswerBytes: number) {
  const connection = createProviderClient({ kind: provider, baseUrl, apiKey }, maxAnswerBytes);
  return { embedding: () => connection.embedding(model), language: () => connection.language(model) };
}
