import { ModelError } from '../model-error.ts';

/** A tool as a model is told of it. */
export interface ToolSpec {
  name: string;
  description: string;
  /** JSON Schema of an object. Not held against what the model sends. */
  inputSchema: Record<string, unknown>;
}

export interface ToolRequest {
  /** Of the provider, unique among the calls of a round. */
  id: string;
  name: string;
  arguments: Record<string, unknown>;
}

export interface ToolResult {
  toolCallId: string;
  name: string;
  /** A text, or any other JSON. */
  output: unknown;
  isError: boolean;
}

/** What was said so far, as plain JSON. Every tool call needs its result in a message of role `tool` right after its own. */
export type LanguageMessage =
  | { role: 'user'; text: string }
  | { role: 'assistant'; text: string; toolCalls?: readonly ToolRequest[] | undefined }
  | { role: 'tool'; toolResults: readonly ToolResult[] };

export interface ModelStepRequest {
  instructions?: string | undefined;
  messages: readonly LanguageMessage[];
  /** Names are unique, of letters, digits, `_` and `-`, at most 64: providers refuse others. */
  tools: readonly ToolSpec[];
  temperature?: number | undefined;
  maxOutputTokens?: number | undefined;
  signal: AbortSignal;
  /** Called with each piece of the text as it comes. What it throws ends the round. */
  onText(text: string): void;
  /** The text begins again at nothing: the call failed and is made once more. Also called where no text came before. */
  onRestart?: (() => void) | undefined;
}

/** A tool the model wants called. Its name may be one that was not offered. */
export interface ModelStepToolCall extends ToolRequest {
  /** What is wrong with the arguments, in words the model understands. They are empty then, and must not be used. */
  invalid?: string | undefined;
}

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other';

/** What a model said in one call. */
export interface ModelStep {
  /** All that was given to `onText` since the last restart. */
  text: string;
  toolCalls: ModelStepToolCall[];
  /** `tool-calls` wherever there are some, unless they were cut short. */
  finishReason: FinishReason;
  /** With those of the cache. */
  inputTokens: number;
  /** With what the model thought before it spoke. */
  outputTokens: number;
  cachedInputTokens: number;
  /** Whether the provider did not say how many tokens it took, and they were estimated from the length of the texts. */
  estimated: boolean;
  /** With retries and the pauses before them. */
  latencyMs: number;
  /** Until the first piece of the answer, from the same moment. Undefined where nothing came. */
  firstTokenMs: number | undefined;
  /** Calls that failed before the one that did not. */
  retries: number;
}

export interface LanguageModel {
  /** Such as `openai/gpt-5-mini`. */
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  /**
   * Asks the model once, and again where the call failed in a way that passes. Runs no tools. Throws RoundError; when the signal
   * is aborted, its reason as it is; what `onText` or `onRestart` threw, as it is. The text that came before is void then.
   */
  step(request: ModelStepRequest): Promise<ModelStep>;
}

/** The language models of an installation, by the names its configuration gives to providers. */
export interface LanguageModels {
  /** Undefined when no such provider is configured. Whether it has the model is seen in the first round. */
  resolve(provider: string, model: string): LanguageModel | undefined;
  readonly providers: string[];
}

/** A model could not be asked, or did not answer well. Look at its `code` and whether it is `retryable`. */
export class ModelStepError extends ModelError {}
