import { messageTokens, promptTokens } from '../../../platform/ai/compatibility/prompt-size.ts';
import type { LanguageMessage, ToolSpec } from '../../../platform/ai/language/language-model.ts';
import { shorten } from '../../../platform/lib/text.ts';

export interface PromptParts {
  instructions: string;
  /** Earlier messages of the conversation, in order. */
  history: LanguageMessage[];
  /** The input of the run, then its steps. */
  own: LanguageMessage[];
  tools: ToolSpec[];
}

export interface FittedPrompt {
  messages: LanguageMessage[];
  /** What was left out, for the user. */
  omissions: string[];
  /** Whether the estimated size is within the limit. */
  fits: boolean;
}

/** Lengths to which results of tools are shortened, one after the other. */
const RESULT_LENGTHS = [4_000, 500];

/**
 * Shortens a prompt to a number of estimated tokens: the oldest messages of the conversation go first, then the results of tools become
 * shorter, the oldest first, and at last the oldest steps of the run go. The input and the last step remain.
 */
export function fitPrompt({ instructions, history, own, tools }: PromptParts, limit: number): FittedPrompt {
  const omissions: string[] = [];
  const left = limit - promptTokens({ instructions, tools, messages: [] });
  let run = own.map((message) => ({ message, tokens: messageTokens(message) }));
  const kept = newestHistory(history, left - totalOf(run));
  if (kept.length < history.length) {
    omissions.push(`The oldest ${history.length - kept.length} of ${history.length} earlier messages were left out.`);
  }
  const fits = () => kept.length > 0 || totalOf(run) <= left;
  let shortened = false;
  for (const length of RESULT_LENGTHS) {
    for (let index = 0; index < run.length && !fits(); index++) {
      const message = withShortResults((run[index] as Sized).message, length);
      if (message === run[index]?.message) continue;
      run = run.with(index, { message, tokens: messageTokens(message) });
      shortened = true;
    }
  }
  if (shortened) omissions.push('Results of tools were shortened.');
  // A step is an answer with tool calls, followed by their results.
  let steps = 0;
  while (run.length > 3 && !fits()) {
    run = run.toSpliced(1, 2);
    steps++;
  }
  if (steps > 0) omissions.push(`The oldest ${steps} steps of the run were left out.`);
  return { messages: [...kept, ...run.map(({ message }) => message)], omissions, fits: fits() };
}

interface Sized {
  message: LanguageMessage;
  tokens: number;
}

function totalOf(messages: readonly Sized[]): number {
  return messages.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** As many of the newest messages as fit, starting with one of the user. */
function newestHistory(history: LanguageMessage[], limit: number): LanguageMessage[] {
  let left = limit;
  let start = history.length;
  for (let index = history.length - 1; index >= 0; index--) {
    left -= messageTokens(history[index] as LanguageMessage);
    if (left < 0) break;
    if (history[index]?.role === 'user') start = index;
  }
  return history.slice(start);
}

/** The same message where nothing becomes shorter. */
function withShortResults(message: LanguageMessage, length: number): LanguageMessage {
  if (message.role !== 'tool') return message;
  let changed = false;
  const toolResults = message.toolResults.map((result) => {
    const text = typeof result.output === 'string' ? result.output : JSON.stringify(result.output ?? null);
    if (text.length <= length && !result.images?.length) return result;
    changed = true;
    const { images: _, ...rest } = result;
    return { ...rest, output: text.length <= length ? result.output : shorten(text, length) };
  });
  return changed ? { ...message, toolResults } : message;
}
