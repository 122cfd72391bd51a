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

/** Throws where the configuration cannot work. What it says has neither address nor key in it. */
function checkedBaseUrl({ provider, baseUrl }: ProviderOptions): string {
  if (baseUrl === undefined) {
    if (provider === 'openai') return 'https://api.openai.com/v1';
    throw new Error('A model of an openai-compatible provider needs the base URL of its server.');
  }
  const url = URL.parse(baseUrl);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new Error('The base URL of a model must be http or https, without user name, password and query.');
  }
  return url.href;
}

interface ProviderModels {
  embedding(): EmbeddingModel;
  language(): LanguageModel;
}

export function connectProvider(options: ProviderOptions, maxAnswerBytes: number): ProviderModels {
  const { provider, model, apiKey } = options;
  const baseURL = checkedBaseUrl(options);
  const fetch = boundedFetch(maxAnswerBytes);
  if (provider === 'openai') {
    // Given even so that the SDK does not look for them in the environment.
    if (!apiKey) throw new Error('A model of OpenAI needs an API key.');
    const openai = createOpenAI({ baseURL, apiKey, fetch });
    // Chat completions, not the SDK's default of responses: OpenAI stores those unless told otherwise.
    return { embedding: () => openai.embedding(model), language: () => openai.chat(model) };
  }
  const compatible = createOpenAICompatible({ name: 'openai-compatible', baseURL, ...(apiKey && { apiKey }), fetch });
  return { embedding: () => compatible.embeddingModel(model), language: () => compatible.chatModel(model) };
}
