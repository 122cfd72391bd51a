import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { EmbeddingModel, LanguageModel } from 'ai';

export interface ProviderOptions {
  /** `openai` is OpenAI itself; `openai-compatible` whatever speaks its protocol, such as vLLM, Ollama or TEI. */
  provider: 'openai' | 'openai-compatible';
  model: string;
  /** Such as `http://127.0.0.1:11434/v1`. OpenAI's own address when absent, which only `openai` has. */
  baseUrl?: string | undefined;
  apiKey?: string | undefined;
}

/** What a provider sent is larger than anything it should send. */
export class AnswerTooLargeError extends Error {}

/**
 * `fetch` with a bound on what is read, after decompression, which the SDK sets at 2 GiB. A redirection is not followed: it would
 * carry tenants' texts to where nobody configured.
 */
export function boundedFetch(maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, redirect: 'manual' });
    let bytes = 0;
    const bounded = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > maxBytes) throw new AnswerTooLargeError(`More than ${maxBytes} bytes were sent.`);
        controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body?.pipeThrough(bounded) ?? null, { status, statusText, headers });
  };
}

/** Where models are, and how one speaks to them. */
export interface Endpoint {
  kind: ProviderOptions['provider'] | 'anthropic';
  /** The provider's own address when absent, which `openai-compatible` has not. */
  baseUrl?: string | undefined;
  apiKey?: string | undefined;
}

const OWN_ADDRESS = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  'openai-compatible': undefined,
};

/** Throws where the configuration cannot work. What it says has neither address nor key in it. */
function checkedBaseUrl({ kind, baseUrl }: Endpoint): string {
  const address = baseUrl ?? OWN_ADDRESS[kind];
  if (address === undefined) throw new Error('A model of an openai-compatible provider needs the base URL of its server.');
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new Error('The base URL of a model must be http or https, without user name, password and query.');
  }
  return url.href;
}

interface ProviderClient {
  embedding(model: string): EmbeddingModel;
  language(model: string): LanguageModel;
}

/** Asks nothing yet. */
export function createProviderClient(endpoint: Endpoint, maxAnswerBytes: number): ProviderClient {
  const { kind, apiKey } = endpoint;
  const baseURL = checkedBaseUrl(endpoint);
  const fetch = boundedFetch(maxAnswerBytes);
  if (kind === 'openai-compatible') {
    const compatible = createOpenAICompatible({ name: kind, baseURL, ...(apiKey && { apiKey }), fetch, includeUsage: true });
    return { embedding: (model) => compatible.embeddingModel(model), language: (model) => compatible.chatModel(model) };
  }
  // Address and key are given even so that the SDK does not look for them in the environment.
  if (!apiKey) throw new Error(`A model of ${kind === 'openai' ? 'OpenAI' : 'Anthropic'} needs an API key.`);
  if (kind === 'anthropic') {
    const anthropic = createAnthropic({ baseURL, apiKey, fetch });
    return { embedding: (model) => anthropic.embeddingModel(model), language: (model) => anthropic.chat(model) };
  }
  const openai = createOpenAI({ baseURL, apiKey, fetch });
  // Chat completions, not the SDK's default of responses: OpenAI stores those unless told otherwise.
  return { embedding: (model) => openai.embedding(model), language: (model) => openai.chat(model) };
}

export function connectProvider({ provider, model, baseUrl, apiKey }: ProviderOptions, maxAnswerBytes: number) {
  const connection = createProviderClient({ kind: provider, baseUrl, apiKey }, maxAnswerBytes);
  return { embedding: () => connection.embedding(model), language: () => connection.language(model) };
}
