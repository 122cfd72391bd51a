import type { ModelStepRequest, ToolSpec } from '../language/language-model.ts';
import { type Overflow, overflowOf } from './context-window.ts';
import { type Quirks, rememberTool } from './quirks.ts';
import { numbersIn, type Refusal } from './refusal.ts';
import { toolKey } from './tool-schemas.ts';

/** What a refusal means for the request. */
export type Lesson =
  /** The quirks have changed: the same request can succeed. */
  | { kind: 'adapted' }
  | { kind: 'overflow'; overflow: Overflow }
  | { kind: 'too-many-tools'; limit: number }
  /** The model takes images, but not these. */
  | { kind: 'bad-images' };

/** The parts of a request, as it was sent, that a provider may refuse. */
export type SentRequest = Pick<ModelStepRequest, 'temperature' | 'maxOutputTokens' | 'tools' | 'messages'>;

const ADAPTED: Lesson = { kind: 'adapted' };
const OUTPUT_LIMIT = /max_?(completion_|new_|output_)?tokens|(completion|output) tokens/i;
const UNSUPPORTED = /unsupported|not supported|unrecogni[sz]ed|unknown|extra|not permitted|deprecated/i;
/** What the templates of models raise. */
const TEMPLATES = [
  [
    'instructions',
    /system role (is )?not supported|(does not|doesn't) support (the )?(system|developer) (role|message|instruction|prompt)|developer instruction is not enabled/i,
  ],
  ['parallel-calls', /only supports? single tool.?calls?|parallel (tool|function).{0,20}not supported/i],
  ['consecutive', /roles must alternate|must alternate between|unexpected role|after (user|tool|system).{0,40}role/i],
] as const;

const BAD_IMAGE =
  /(could not|cannot|unable to|failed to) (process|decode|load|read|identify)|(invalid|corrupt|not a valid) .{0,20}image|image .{0,40}(too large|exceeds|corrupt|dimensions?|appears to be)|unsupported image (format|type)/i;
/** The provider offers no tools for the model: to leave them out would make another agent of it. */
const NO_TOOLS = /not support (tools|tool use|function)|support tool use|tool.choice requires|requires? --(jinja|enable)/i;

/** Learns from a refusal. Undefined if it states nothing that another request could avoid. */
export function learnQuirks(quirks: Quirks, { status, text }: Refusal, sent: SentRequest): Lesson | undefined {
  const overflow = overflowOf(status, text);
  if (
    sent.maxOutputTokens !== undefined &&
    OUTPUT_LIMIT.test(text) &&
    (overflow === undefined || outputIsTooLong(overflow, sent))
  ) {
    return learnOutputLimit(quirks, text, sent.maxOutputTokens, overflow);
  }
  if (overflow) return { kind: 'overflow', overflow };
  if (status === 429) return undefined;
  const refuse = (option: 'temperature' | 'usage' | 'images'): Lesson => {
    quirks.refused.add(option);
    return ADAPTED;
  };
  if (hasImages(sent) && BAD_IMAGE.test(text)) return { kind: 'bad-images' };
  if (hasImages(sent) && /image|vision|multi-?modal|mmproj|content.{0,60}string|(unexpected|after) role/i.test(text)) {
    return refuse('images');
  }
  if (sent.temperature !== undefined && /temperature/i.test(text)) return refuse('temperature');
  if (!quirks.refused.has('usage') && /stream_options|include_usage/i.test(text)) return refuse('usage');
  if (
    !quirks.shortCallIds &&
    hasCalls(sent) &&
    /tool.?call.?id/i.test(text) &&
    /length|must be|pattern|match|invalid/i.test(text)
  ) {
    quirks.shortCallIds = true;
    return ADAPTED;
  }
  const unrendered = TEMPLATES.find(([form, pattern]) => !quirks.unrendered.has(form) && pattern.test(text));
  if (unrendered) {
    quirks.unrendered.add(unrendered[0]);
    return ADAPTED;
  }
  // A server that fails says nothing about the request, unless it names its part.
  if ((status === undefined || status >= 500) && !/schema|grammar/i.test(text)) return undefined;
  return status === 404 || sent.tools.length === 0 || NO_TOOLS.test(text) ? undefined : learnTools(quirks, text, sent.tools);
}

function hasImages({ messages }: SentRequest): boolean {
  return messages.some((message) => message.role === 'tool' && message.toolResults.some(({ images }) => images?.length));
}

function hasCalls({ messages }: SentRequest): boolean {
  return messages.some((message) => message.role === 'tool');
}

/** Whether a smaller limit of the answer makes room for the prompt. */
function outputIsTooLong({ limit, sent }: Overflow, { maxOutputTokens = 0 }: SentRequest): boolean {
  return limit !== undefined && (maxOutputTokens >= limit || (sent !== undefined && sent <= limit / 2));
}

function learnOutputLimit(quirks: Quirks, text: string, given: number, overflow: Overflow | undefined): Lesson | undefined {
  if (!overflow && !quirks.maxCompletionTokens && /max_completion_tokens/.test(text) && UNSUPPORTED.test(text)) {
    quirks.maxCompletionTokens = true;
    return ADAPTED;
  }
  const room = overflow?.limit === undefined ? undefined : overflow.limit - (overflow.sent ?? overflow.limit / 2);
  const stated = room === undefined ? Math.max(0, ...numbersIn(text).filter((count) => count < given)) : Math.floor(room * 0.9);
  if (stated > 0 && stated < given) quirks.maxOutputTokens = stated;
  else if (!quirks.refused.has('maxOutputTokens')) quirks.refused.add('maxOutputTokens');
  else return undefined;
  return ADAPTED;
}

function learnTools(quirks: Quirks, text: string, tools: readonly ToolSpec[]): Lesson | undefined {
  const named = toolsNamed(text, tools);
  const aboutDescription = /description/i.test(text) && /too long|max|at most|exceed|length/i.test(text);
  if (aboutDescription) {
    const longest = Math.max(...tools.map(({ description }) => description.length));
    const limit = Math.max(0, ...numbersIn(text).filter((count) => count >= 64 && count < longest));
    if (limit > 0) {
      quirks.maxDescription = limit;
      return ADAPTED;
    }
  }
  if (
    named.length === 0 &&
    /tools?\b|functions?\b|function.?declarations/i.test(text) &&
    /too (many|long)|max|at most|limit|exceed/i.test(text)
  ) {
    const limit = Math.max(0, ...numbersIn(text).filter((count) => count < tools.length));
    if (limit > 0) return { kind: 'too-many-tools', limit };
  }
  if (named.length > 0) {
    for (const tool of named) {
      const key = toolKey(tool);
      rememberTool(quirks, key, quirks.plainTools || quirks.tools.get(key) === 'plain' ? 'refused' : 'plain');
    }
    return ADAPTED;
  }
  if (quirks.plainTools || !/schema|grammar|function|tool|parameters|properties/i.test(text)) return undefined;
  quirks.plainTools = true;
  return ADAPTED;
}

/** The tools that a refusal names, by position or by name. */
function toolsNamed(text: string, tools: readonly ToolSpec[]): ToolSpec[] {
  const positions = [/function_declarations\[(\d+)\]/g, /\btools(?:\.|\[)(\d+)/g, /"tools", ?(\d+)/g].map((pattern) =>
    Array.from(text.matchAll(pattern), ([, position]) => tools[Number(position)]).filter((tool) => tool !== undefined),
  );
  const byPosition = positions.find((found) => found.length > 0);
  if (byPosition) return [...new Set(byPosition)];
  return tools.filter(({ name }) => [`'${name}'`, `"${name}"`, `\`${name}\``].some((quoted) => text.includes(quoted)));
}
