import { shorten } from '../../../platform/lib/text.ts';
import type { Turn } from './transcript.ts';

/** Maximum size of `llm_calls.prompt`, in characters of JSON. */
const MAX_PROMPT = 65_536;
const MAX_TEXT = 4_000;

export interface RecordedPrompt {
  instructions?: string;
  tools?: string[];
  messages: Turn[];
}

/** The part of a prompt that the previous call did not contain, shortened to the maximum size. */
export function recordedPrompt(given: RecordedPrompt): object {
  const prompt = { ...given, messages: given.messages.map(withoutImages) };
  if (JSON.stringify(prompt).length <= MAX_PROMPT) return prompt;
  const short = {
    ...prompt,
    ...(prompt.instructions === undefined ? {} : { instructions: shorten(prompt.instructions, MAX_TEXT) }),
    messages: prompt.messages.map(shortened),
    shortened: true,
  };
  // The oldest messages are dropped first.
  while (JSON.stringify(short).length > MAX_PROMPT && short.messages.length > 1) {
    short.messages = short.messages.slice(Math.ceil(short.messages.length / 2));
  }
  return JSON.stringify(short).length <= MAX_PROMPT ? short : { messages: [], shortened: true };
}

/** The tool call has the images. */
function withoutImages(turn: Turn): Turn {
  return turn.role === 'tool' ? { ...turn, results: turn.results.map(({ images: _, ...result }) => result) } : turn;
}

function shortened(turn: Turn): object {
  if (turn.role === 'user') return { ...turn, text: shorten(turn.text, MAX_TEXT) };
  if (turn.role === 'assistant') {
    const toolCalls = turn.toolCalls.map((call) => ({ ...call, arguments: shorten(JSON.stringify(call.arguments), MAX_TEXT) }));
    return { ...turn, text: shorten(turn.text, MAX_TEXT), toolCalls };
  }
  const results = turn.results.map(({ output, ...result }) => ({ ...result, output: shorten(JSON.stringify(output), MAX_TEXT) }));
  return { ...turn, results };
}
