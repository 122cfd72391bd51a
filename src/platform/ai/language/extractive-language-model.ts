import { setImmediate } from 'node:timers/promises';
import { estimateTokens } from '../embedding/embedding-batches.ts';
import type { LanguageModel, ModelStepRequest } from './language-model.ts';

export const BUILT_IN_PROVIDER = 'built-in';
export const EXTRACTIVE_MODEL = 'extractive';

export interface ExtractiveOptions {
  /** Counts tokens. @default an estimate from the length of the text */
  countTokens?: (text: string) => number;
  /** The answer when the search finds nothing. */
  notFound: string;
}

/** Searches for the question. Returns an empty answer if the search finds nothing. */
export type Search = (question: string, signal: AbortSignal) => Promise<{ answer: string }>;

const FOUND = 'The built-in extractive model found this:';
/** The words between two yields to the event loop. */
const WORDS_PER_TURN = 64;

/**
 * The model of installations without a configured provider. Answers the last user message with the result of a search. Calls no tools and
 * ignores instructions. Throws the errors of the search.
 */
export function createExtractive(search: Search, { countTokens = estimateTokens, notFound }: ExtractiveOptions): LanguageModel {
  async function stream(text: string, { signal, onText }: ModelStepRequest) {
    for (const [index, word] of (text.match(/\s*\S+\s*/g) ?? []).entries()) {
      if (index % WORDS_PER_TURN === 0) await setImmediate();
      signal.throwIfAborted();
      onText(word);
    }
  }

  return {
    id: `${BUILT_IN_PROVIDER}/${EXTRACTIVE_MODEL}`,
    provider: BUILT_IN_PROVIDER,
    model: EXTRACTIVE_MODEL,
    async step(request) {
      const { messages, signal } = request;
      signal.throwIfAborted();
      const start = performance.now();
      const question = messages.findLast(({ role }) => role === 'user');
      const query = question?.role === 'user' ? question.text.trim() : '';
      const found = query === '' ? '' : (await search(query, signal)).answer.trim();
      signal.throwIfAborted();
      const text = found === '' ? notFound : `${FOUND}\n\n${found}`;
      const firstTokenMs = performance.now() - start;
      await stream(text, request);
      return {
        text,
        reasoning: '',
        adjustments: [],
        toolCalls: [],
        finishReason: 'stop',
        inputTokens: countTokens(query),
        outputTokens: countTokens(text),
        cachedInputTokens: 0,
        estimated: true,
        latencyMs: performance.now() - start,
        firstTokenMs,
        retries: 0,
      };
    },
  };
}
