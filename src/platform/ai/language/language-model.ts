import { ModelError } from '../model-error.ts';

/** The declaration of a tool for a model. */
export interface ToolSpec {
  name: string;
  description: string;
  /** JSON Schema of an object. The arguments of the model are not validated against it. */
  inputSchema: Record<string, unknown>;
}

export interface ToolRequest {
  /** The id from the provider, unique within a step. */
  id: string;
  name: string;
  arguments: Record<string, unknown>;
  /** An opaque text that some providers require with the call in later requests. */
  signature?: string | undefined;
}

export interface ToolImage {
  /** Such as `image/png`. */
  mediaType: string;
  /** Base64. */
  data: string;
}

export interface ToolResult {
  toolCallId: string;
  name: string;
  /** A string or any other JSON value. Describes the images, for models that take none. */
  output: unknown;
  images?: readonly ToolImage[] | undefined;
  isError: boolean;
}

/** A message as plain JSON. A message of role `tool` with the results of all tool calls must follow the message that calls them. */
export type LanguageMessage =
  | { role: 'user'; text: string }
  | { role: 'assistant'; text: string; toolCalls?: readonly ToolRequest[] | undefined }
  | { role: 'tool'; toolResults: readonly ToolResult[] };

export interface ModelStepRequest {
  instructions?: string | undefined;
  messages: readonly LanguageMessage[];
  /** Names must be unique and match `[A-Za-z0-9_-]{1,64}`: providers reject others. */
  tools: readonly ToolSpec[];
  temperature?: number | undefined;
  maxOutputTokens?: number | undefined;
  signal: AbortSignal;
  /** Called with each chunk of text. An error that it throws aborts the step. */
  onText(text: string): void;
  /** Called before a retry, or for reasoning that looked like text. Either discards the text so far, if there was any. */
  onRestart?: (() => void) | undefined;
  /** Called for each failed attempt that the provider charges for, with estimated counts. The result of the step does not include them. */
  onLost?: ((lost: { inputTokens: number; outputTokens: number }) => void) | undefined;
}

/** A tool call of the model. Its name may be unknown. */
export interface ModelStepToolCall extends ToolRequest {
  /** Why the arguments are invalid, as a message for the model. The arguments are empty then and must not be used. */
  invalid?: string | undefined;
}

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other';

/** The result of one model call. */
export interface ModelStep {
  /** The text passed to `onText` since the last restart, without reasoning. */
  text: string;
  /** The reasoning before the answer, as far as the provider shows it. Not for later requests. */
  reasoning: string;
  toolCalls: ModelStepToolCall[];
  /** What the server changed in the request because the model refuses it, for the user. */
  adjustments: string[];
  /** `tool-calls` if there are tool calls, unless the output was truncated or filtered. */
  finishReason: FinishReason;
  /** Includes cached tokens. */
  inputTokens: number;
  /** Includes reasoning tokens. */
  outputTokens: number;
  cachedInputTokens: number;
  /** Whether the token counts are estimated from the length of the texts, because the provider reported none. */
  estimated: boolean;
  /** The duration with retries and the pauses before them. */
  latencyMs: number;
  /** The time from the same start to the first chunk. Undefined without a chunk. */
  firstTokenMs: number | undefined;
  /** The number of failed calls before the successful one. */
  retries: number;
}

export interface LanguageModel {
  /** Such as `openai/gpt-5-mini`. */
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  /** The most tokens of a prompt, as `promptTokens` estimates them. Undefined until the model refuses a longer one. */
  readonly maxPromptTokens?: number | undefined;
  /**
   * Calls the model, with retries after transient failures. Runs no tools. Throws ModelStepError, the reason of an aborted signal, or the
   * error of `onText` or `onRestart`. The text passed to `onText` is void then.
   */
  step(request: ModelStepRequest): Promise<ModelStep>;
}

/** The language models of an installation, by the provider names of its configuration. */
export interface LanguageModels {
  /**
   * Returns undefined if the provider is not configured. An unknown model fails in the first step.
   * @param scope shares what the model was found to refuse. Refusals quote requests, so that scopes of several tenants stay apart.
   */
  resolve(provider: string, model: string, scope?: string): LanguageModel | undefined;
  readonly providers: string[];
}

/** A model call failed or returned an invalid answer. See `code` and `retryable`. */
export class ModelStepError extends ModelError {}
