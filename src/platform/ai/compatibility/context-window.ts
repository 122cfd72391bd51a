import { numbersIn } from './refusal.ts';

const EXCEEDED = new RegExp(
  [
    'context[ _-]?(length|window|size|limit)',
    'exceed_context',
    'prompt (is )?too (long|large)',
    'input (is )?too (long|large)',
    'too many (input |prompt )?tokens',
    'request too large',
    'input token count',
    'tokens? .{0,40}exceeds?',
    'exceeds? .{0,40}(number of )?(input )?tokens',
    'reduce (the length|your prompt)',
    'tokens must be reduced',
    'payload too large',
    'maximum prompt length',
    'range of input length',
    'tokens.{0,30} must be <=',
  ].join('|'),
  'i',
);

/** Smaller numbers are none of a context window. */
const MIN_COUNT = 128;

/** How providers name the limit, the most specific first. */
const LIMITS = [
  /n_ctx"? ?[:=] ?([\d,]+)/i,
  /maximum (?:context|prompt) length (?:is |of )?([\d,]+)/i,
  /([\d,]+) maximum context length/i,
  /context (?:window|limit|size|length)[^>]{0,60}> ?([\d,]+)/i,
  /context (?:window|limit|size|length)\D{0,40}?([\d,]+)/i,
  /tokens allowed \(([\d,]+)\)/i,
  /(?:<=|>) ?([\d,]+)/,
  /exceed ([\d,]+)/i,
  /\[1, ?([\d,]+)\]/,
  /limit:? ([\d,]+)/i,
  /max(?:imum)?\D{0,30}([\d,]+)/i,
];

/** How providers name what they were sent. */
const SENT = [
  /n_prompt_tokens"? ?[:=] ?([\d,]+)/i,
  /resulted in ([\d,]+)/i,
  /([\d,]+) (?:in the messages|of text input)/i,
  /has ([\d,]+) input tokens/i,
  /input token count \(?([\d,]+)/i,
  /request \(([\d,]+)/i,
  /(?:contains|received|given:?) ([\d,]+)/i,
  /([\d,]+) tokens >/i,
  /: ([\d,]+) \+ [\d,]+ >/,
  /requested:?(?: about)? ([\d,]+)/i,
];

/** A prompt that exceeds the context window of its model. The counts are those of the provider, where it states them. */
export interface Overflow {
  limit: number | undefined;
  sent: number | undefined;
}

export function overflowOf(status: number | undefined, text: string): Overflow | undefined {
  if (!EXCEEDED.test(text)) return undefined;
  // A rate limit of a minute is one of the prompt only if no shorter wait helps.
  if (status === 429 && !/request too large|tokens must be reduced/i.test(text)) return undefined;
  // How far a prompt exceeds the limit is no limit.
  const counted = text.replaceAll(/\bby [\d,]+ tokens?/gi, '');
  return { limit: firstOf(LIMITS, counted), sent: firstOf(SENT, counted) };
}

function firstOf(patterns: readonly RegExp[], text: string): number | undefined {
  for (const pattern of patterns) {
    const [count] = numbersIn(pattern.exec(text)?.[1] ?? '');
    if (count !== undefined && count >= MIN_COUNT) return count;
  }
  return undefined;
}

/** The share of a window that the answer may take if the request does not limit it. */
const ANSWER_SHARE = 0.1;
const MARGIN = 0.95;

/**
 * The next limit of the prompt in estimated tokens, always below `estimated`. The provider counts the same prompt differently, so that its
 * own count of the prompt converts its limit.
 */
export function smallerPrompt({ limit, sent }: Overflow, estimated: number, maxOutputTokens: number | undefined): number {
  if (limit === undefined) return Math.floor(estimated / 2);
  const reserved = Math.min(maxOutputTokens ?? Math.ceil(limit * ANSWER_SHARE), Math.floor(limit / 2));
  const scale = sent === undefined ? 1 : estimated / sent;
  return Math.floor(Math.min((limit - reserved) * scale * MARGIN, estimated * 0.8));
}
