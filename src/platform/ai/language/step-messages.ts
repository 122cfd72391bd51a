import { type JSONValue, jsonSchema, type ModelMessage, type ToolSet, tool } from 'ai';
import type { Endpoint } from '../provider-client.ts';
import type { LanguageMessage, ToolImage, ToolResult, ToolSpec } from './language-model.ts';

/** Converts tools for the SDK, without `execute`: the SDK returns tool calls and does not run them. */
export function toolsOf(tools: readonly ToolSpec[]): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [name, tool({ description, inputSchema: jsonSchema(inputSchema) })]),
  );
}

/** @param kind of the provider: each takes the images of tool results in its own place */
export function messagesOf(messages: readonly LanguageMessage[], kind: Endpoint['kind']): ModelMessage[] {
  return messages.flatMap((message) => {
    const images = message.role === 'tool' && kind !== 'anthropic' ? imagesOf(message.toolResults) : [];
    return [messageOf(message, kind), ...images];
  });
}

function messageOf(message: LanguageMessage, kind: Endpoint['kind']): ModelMessage {
  if (message.role === 'user') return { role: 'user', content: message.text };
  if (message.role === 'tool') {
    return {
      role: 'tool',
      content: message.toolResults.map((result) => ({
        type: 'tool-result',
        toolCallId: result.toolCallId,
        toolName: result.name,
        output: outputOf(result, kind),
      })),
    };
  }
  const { text, toolCalls = [] } = message;
  if (toolCalls.length === 0) return { role: 'assistant', content: text };
  const calls = toolCalls.map((call) => ({
    type: 'tool-call' as const,
    toolCallId: call.id,
    toolName: call.name,
    input: call.arguments,
    ...(call.signature === undefined ? {} : { providerOptions: { google: { thoughtSignature: call.signature } } }),
  }));
  // Anthropic rejects blank texts.
  return { role: 'assistant', content: text.trim() === '' ? calls : [{ type: 'text', text }, ...calls] };
}

function outputOf({ output, images = [], isError }: ToolResult, kind: Endpoint['kind']) {
  if (kind === 'anthropic' && images.length > 0) {
    const text = typeof output === 'string' ? output : JSON.stringify(output ?? null);
    return { type: 'content' as const, value: [{ type: 'text' as const, text }, ...images.map(fileOf)] };
  }
  if (typeof output === 'string') return { type: isError ? ('error-text' as const) : ('text' as const), value: output };
  return { type: isError ? ('error-json' as const) : ('json' as const), value: (output ?? null) as JSONValue };
}

/** Providers other than Anthropic take images from the user only. */
function imagesOf(results: readonly ToolResult[]): ModelMessage[] {
  return results.flatMap(({ name, images = [] }): ModelMessage[] =>
    images.length === 0
      ? []
      : [{ role: 'user', content: [{ type: 'text', text: `Images in the result of ${name}:` }, ...images.map(fileOf)] }],
  );
}

function fileOf({ mediaType, data }: ToolImage) {
  return { type: 'file' as const, mediaType, data: { type: 'data' as const, data } };
}
