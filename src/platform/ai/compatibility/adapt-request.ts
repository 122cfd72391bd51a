import { createHash } from 'node:crypto';
import type { LanguageMessage, ModelStepRequest, ToolSpec } from '../language/language-model.ts';
import type { Quirks } from './quirks.ts';
import { acceptableSchema, plainSchema, toolKey } from './tool-schemas.ts';

export interface AdaptedRequest {
  request: ModelStepRequest;
  /** What differs from the given request in its meaning, for the user. */
  adjustments: string[];
  /** The definitions as the caller gave them, in the order of the tools that are sent. */
  sentTools: ToolSpec[];
}

/** Avoids what the model is known to refuse. @param badImages whether it refuses the images of this request */
export function adaptRequest(request: ModelStepRequest, quirks: Quirks, badImages: boolean): AdaptedRequest {
  const adjustments: string[] = [];
  const { temperature, maxOutputTokens, tools, messages } = request;
  const adapted = { ...request };
  if (temperature !== undefined && quirks.refused.has('temperature')) {
    adapted.temperature = undefined;
    adjustments.push(`The model refuses a temperature: ${temperature} was not sent.`);
  }
  if (maxOutputTokens !== undefined) {
    const most = quirks.maxOutputTokens ?? maxOutputTokens;
    if (quirks.refused.has('maxOutputTokens')) {
      adapted.maxOutputTokens = undefined;
      adjustments.push(`The model refuses a limit of its output: ${maxOutputTokens} tokens was not sent.`);
    } else if (most < maxOutputTokens) {
      adapted.maxOutputTokens = most;
      adjustments.push(`The model accepts an output of at most ${most} tokens, not ${maxOutputTokens}.`);
    }
  }
  const sentTools = tools.filter((tool) => {
    if (treatmentOf(tool, quirks) !== 'refused') return true;
    adjustments.push(`The provider refuses the definition of the tool ${tool.name}: it was left out.`);
    return false;
  });
  adapted.tools = sentTools.map((tool) => acceptableTool(tool, quirks, adjustments));
  const images = messages.reduce((count, message) => count + imagesOf(message), 0);
  if (images > 0 && (badImages || quirks.refused.has('images'))) {
    adapted.messages = messages.map(withoutImages);
    adjustments.push(
      `The model does not take the images of tool results: ${images} ${images === 1 ? 'was' : 'were'} described in words.`,
    );
  }
  if (quirks.shortCallIds) adapted.messages = adapted.messages.map(withShortIds);
  if (quirks.unrendered.has('parallel-calls')) adapted.messages = singleCalls(adapted.messages);
  if (quirks.unrendered.has('instructions')) Object.assign(adapted, withoutInstructions(adapted));
  if (quirks.unrendered.has('consecutive')) adapted.messages = alternating(adapted.messages);
  return { request: adapted, adjustments, sentTools };
}

/** Hashes the definition only where there is something to find. */
function treatmentOf(tool: ToolSpec, { tools }: Quirks): 'plain' | 'refused' | undefined {
  return tools.size > 0 ? tools.get(toolKey(tool)) : undefined;
}

function acceptableTool(tool: ToolSpec, quirks: Quirks, adjustments: string[]): ToolSpec {
  const { name, description } = tool;
  const plain = quirks.plainTools || treatmentOf(tool, quirks) === 'plain';
  const max = quirks.maxDescription ?? Number.POSITIVE_INFINITY;
  if (plain) adjustments.push(`The provider refuses the schema of the tool ${name}: it was simplified.`);
  if (description.length > max) adjustments.push(`The description of the tool ${name} was cut to ${max} characters.`);
  return {
    name,
    description: description.length > max ? `${description.slice(0, max - 1).toWellFormed()}…` : description,
    inputSchema: plain ? plainSchema(tool.inputSchema) : acceptableSchema(tool.inputSchema),
  };
}

function imagesOf(message: LanguageMessage): number {
  return message.role === 'tool' ? message.toolResults.reduce((count, { images }) => count + (images?.length ?? 0), 0) : 0;
}

function withoutImages(message: LanguageMessage): LanguageMessage {
  if (message.role !== 'tool') return message;
  return { ...message, toolResults: message.toolResults.map(({ images: _, ...result }) => result) };
}

function withShortIds(message: LanguageMessage): LanguageMessage {
  if (message.role === 'tool') {
    const toolResults = message.toolResults.map((result) => ({ ...result, toolCallId: shortId(result.toolCallId) }));
    return { ...message, toolResults };
  }
  if (message.role !== 'assistant' || !message.toolCalls) return message;
  return { ...message, toolCalls: message.toolCalls.map((call) => ({ ...call, id: shortId(call.id) })) };
}

/** Nine letters and digits. The same id stays the same in later requests. */
function shortId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}

/** One answer for each tool call, followed by its result. */
function singleCalls(messages: readonly LanguageMessage[]): LanguageMessage[] {
  return messages.flatMap((message, index): LanguageMessage[] => {
    const results = messages[index + 1];
    const calls = message.role === 'assistant' ? (message.toolCalls ?? []) : [];
    if (message.role === 'tool') return [];
    if (calls.length === 0 || results?.role !== 'tool') return [message];
    return calls.flatMap((call, position): LanguageMessage[] => [
      { role: 'assistant', text: position === 0 && message.role === 'assistant' ? message.text : '', toolCalls: [call] },
      { role: 'tool', toolResults: results.toolResults.filter(({ toolCallId }) => toolCallId === call.id) },
    ]);
  });
}

/** The instructions as the beginning of the first message. */
function withoutInstructions({
  instructions = '',
  messages,
}: ModelStepRequest): Pick<ModelStepRequest, 'instructions' | 'messages'> {
  const [first, ...rest] = messages;
  if (instructions.trim() === '' || first?.role !== 'user') return { instructions, messages };
  return { instructions: undefined, messages: [{ role: 'user', text: `${instructions}\n\n${first.text}` }, ...rest] };
}

/** Joins consecutive messages of the user, and answers a result that the user follows. */
function alternating(messages: readonly LanguageMessage[]): LanguageMessage[] {
  const result: LanguageMessage[] = [];
  for (const message of messages) {
    const last = result.at(-1);
    if (last?.role === 'user' && message.role === 'user')
      result.splice(-1, 1, { role: 'user', text: `${last.text}\n\n${message.text}` });
    else if (last?.role === 'assistant' && message.role === 'assistant' && !last.toolCalls?.length) {
      result.splice(-1, 1, { ...message, text: `${last.text}\n\n${message.text}` });
    } else {
      if (last?.role === 'tool' && message.role === 'user') result.push({ role: 'assistant', text: 'Understood.' });
      result.push(message);
    }
  }
  return result;
}

/** The limit of the output under the name, and of the size, that the model accepts. */
export function outputLimit(quirks: Quirks, wanted: number | undefined) {
  if (wanted === undefined || quirks.refused.has('maxOutputTokens')) return {};
  const limit = Math.min(wanted, quirks.maxOutputTokens ?? wanted);
  if (!quirks.maxCompletionTokens) return { limit };
  return { providerOptions: { openai: { maxCompletionTokens: limit }, openaiCompatible: { max_completion_tokens: limit } } };
}
