import { type JSONValue, jsonSchema, type ModelMessage, type ToolSet, tool } from 'ai';
import type { LanguageMessage, ToolResult, ToolSpec } from './language-model.ts';

/** Converts tools for the SDK, without `execute`: the SDK returns tool calls and does not run them. */
export function toolsOf(tools: readonly ToolSpec[]): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [name, tool({ description, inputSchema: jsonSchema(inputSchema) })]),
  );
}

export function messagesOf(messages: readonly LanguageMessage[]): ModelMessage[] {
  return messages.map(messageOf);
}

function messageOf(message: LanguageMessage): ModelMessage {
  if (message.role === 'user') return { role: 'user', content: message.text };
  if (message.role === 'tool') {
    return {
      role: 'tool',
      content: message.toolResults.map((result) => ({
        type: 'tool-result',
        toolCallId: result.toolCallId,
        toolName: result.name,
        output: outputOf(result),
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
  }));
  // Anthropic rejects blank texts.
  return { role: 'assistant', content: text.trim() === '' ? calls : [{ type: 'text', text }, ...calls] };
}

function outputOf({ output, isError }: ToolResult) {
  if (typeof output === 'string') return { type: isError ? ('error-text' as const) : ('text' as const), value: output };
  return { type: isError ? ('error-json' as const) : ('json' as const), value: (output ?? null) as JSONValue };
}
