import { setImmediate } from 'node:timers/promises';
import { estimateTokens } from '../embedding/embedding-batches.ts';
import type { LanguageModel, ModelStepRequest } from './language-model.ts';

export const BUILT_IN_PROVIDER = 'built-in';
export const EXTRACTIVE_MODEL = 'extractive';

export interface ExtractiveOptions {
  /** Instead of an estimate from the length of the texts. */
  countTokens?: (text: string) => number;
  /** The answer when the search finds nothing. */
  notFound: string;
}

/** Searches for the question. Returns an empty answer if the search finds nothing. */
export type Search = (question: string, signal: AbortSignal) => Promise<{ answer: string }>;

const FOUND = 'The built-in extractive model found this:';
/** Others get their turn between so many words. */
const WORDS_AT_ONCE = 64;

/**
 * The model of installations that configured no provider: a search, and honest about it. Answers the last message of the user, calls
 * no tools, follows no instructions. Throws what the search throws.
 */
export function createExtractive(search: Search, { countTokens = estimateTokens, notFound }: ExtractiveOptions): LanguageModel {
  async function say(text: string, { signal, onText }: ModelStepRequest) {
    for (const [index, word] of (text.match(/\s*\S+\s*/g) ?? []).entries()) {
      if (index % WORDS_AT_ONCE === 0) await setImmediate();
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
      const asked = question?.role === 'user' ? question.text.trim() : '';
      const found = asked === '' ? '' : (await search(asked, signal)).answer.trim();
      signal.throwIfAborted();
      const text = found === '' ? notFound : `${FOUND}\n\n${found}`;
      const firstTokenMs = performance.now() - start;
      await say(text, request);
      return {
        text,
        toolCalls: [],
        finishReason: 'stop',
        inputTokens: countTokens(asked),
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
