import type { LanguageProviderOptions } from '../../../src/platform/ai/language/language-model-registry.ts';
import type { StreamStyle } from '../model-streams.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of either protocol
export type Body = any;

export interface Refusal {
  status: number;
  body: unknown;
}

/** A scripted model that behaves like a known server: what it refuses, in its words, and how it streams. */
export interface ModelProfile {
  name: string;
  kind: LanguageProviderOptions['kind'];
  /** Whether it takes images. */
  sees: boolean;
  /** What it refuses of a request with tools, a temperature of 0.3 and at most 500 tokens of output, each as the run reports it. */
  adjusts: RegExp[];
  style: StreamStyle;
  refuse(body: Body): Refusal | undefined;
}

/** The context window of all profiles, in tokens of four characters. */
export const WINDOW = 6_000;

export function tokensOf(body: Body): number {
  const text = JSON.stringify([body.system, body.messages, body.tools], (key, value) =>
    key === 'url' || key === 'data' ? '' : value,
  );
  return Math.ceil(text.length / 4);
}

export function imagesIn(body: Body): boolean {
  return /"type":"image(_url)?"/.test(JSON.stringify(body.messages));
}

export interface FunctionTool {
  name: string;
  description?: string;
  parameters?: Body;
}

export function functionsOf(body: Body): FunctionTool[] {
  return (body.tools ?? []).map((tool: Body) => tool.function ?? { ...tool, parameters: tool.input_schema });
}

/** Every object in a schema. */
export function schemasIn(schema: Body): Body[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return [schema, ...Object.values(schema).flatMap(schemasIn)];
}

/** The first refusal of several rules. */
export function firstOf(...rules: ((body: Body) => Refusal | undefined | false)[]): ModelProfile['refuse'] {
  return (body) => {
    for (const rule of rules) {
      const refusal = rule(body);
      if (refusal) return refusal;
    }
    return undefined;
  };
}

export const openAiError = (message: string, rest: object = {}): Refusal => ({
  status: 400,
  body: { error: { message, type: 'invalid_request_error', param: null, code: null, ...rest } },
});

/** What every tool result needs, in each protocol of OpenAI. */
export const pairedCalls = (body: Body) => {
  const asked = new Set<string>();
  for (const { role, tool_calls: calls = [], tool_call_id: id } of body.messages) {
    for (const call of calls) asked.add(call.id);
    if (role === 'tool' && !asked.delete(id))
      return openAiError("messages with role 'tool' must be a response to a preceding message with 'tool_calls'.");
  }
  return (
    asked.size > 0 && openAiError(`An assistant message with 'tool_calls' must be followed by tool messages: ${[...asked]}.`)
  );
};

export const NO_TEMPERATURE = /refuses a temperature: 0.3 was not sent/;
