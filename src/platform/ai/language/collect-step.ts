import { randomUUID } from 'node:crypto';
import {
  APICallError,
  type LanguageModelUsage,
  type FinishReason as SdkFinishReason,
  type TextStreamPart,
  type ToolSet,
} from 'ai';
import { END_OF_STREAM } from '../provider-fetch.ts';
import { type FinishReason, ModelStepError, type ModelStepToolCall } from './language-model.ts';
import type { StepLimits } from './step-limits.ts';
import { ThinkTagSplitter } from './think-tags.ts';
import { checkedArguments } from './tool-arguments.ts';

export interface CollectedStep {
  text: string;
  reasoning: string;
  toolCalls: ModelStepToolCall[];
  finishReason: FinishReason;
  usage: LanguageModelUsage;
}

/** What has arrived of an answer, also if it fails. */
export interface StepProgress {
  /** The bytes of text, reasoning and tool arguments. */
  bytes: number;
}

export interface StepCollectorOptions {
  /** The name of the model in error messages. */
  named: string;
  limits: StepLimits;
  progress: StepProgress;
  onText(text: string): void;
  /** Called if the text so far turns out to be reasoning. */
  onRestart(): void;
  /** Called for each chunk of text, reasoning or tool arguments. */
  onChunk(): void;
}

/** Providers reject other ids in later requests. */
const ID = /^[\w-]{1,64}$/;
const MAX_NAME = 128;
/** In characters. More reasoning is not kept. */
const MAX_REASONING = 32_768;
const MAX_SIGNATURE = 65_536;

/** Reads the stream of one model call to its end. Throws ModelStepError if it exceeds a limit, and rethrows errors of the stream. */
export async function collectStep(
  parts: AsyncIterable<TextStreamPart<ToolSet>>,
  reader: StepCollectorOptions,
): Promise<CollectedStep> {
  const { named, limits, onText, onRestart, onChunk, progress } = reader;
  const invalidAnswer = (what: string, retryable: boolean) =>
    new ModelStepError(`${named} ${what}.`, { code: 'MODEL_NONSENSE', retryable });
  let text = '';
  let reasoning = '';
  let textBytes = 0;
  let started = 0;
  let end: { finishReason: SdkFinishReason; raw: string | undefined; usage: LanguageModelUsage } | undefined;
  const argumentBytes = new Map<string, number>();
  const toolCalls = new Map<string, ModelStepToolCall>();
  const addReasoning = (piece: string) => {
    if (reasoning.length < MAX_REASONING) reasoning += piece.slice(0, MAX_REASONING - reasoning.length);
  };
  const splitter = new ThinkTagSplitter({
    onText: (piece) => {
      text += piece;
      onText(piece);
    },
    onReasoning: addReasoning,
    onTextWasReasoning: () => {
      addReasoning(text);
      text = '';
      onRestart();
    },
  });

  for await (const part of parts) {
    switch (part.type) {
      case 'text-delta':
        if (part.text === '') break;
        onChunk();
        textBytes += Buffer.byteLength(part.text);
        if (textBytes > limits.maxTextBytes) throw invalidAnswer('sent an answer that is too large', false);
        progress.bytes += Buffer.byteLength(part.text);
        splitter.push(part.text);
        break;
      case 'reasoning-delta':
        onChunk();
        progress.bytes += Buffer.byteLength(part.text);
        addReasoning(part.text);
        break;
      case 'tool-input-start':
        onChunk();
        if (++started > limits.maxToolCalls) throw invalidAnswer(`called more than ${limits.maxToolCalls} tools at once`, false);
        break;
      case 'tool-input-delta': {
        onChunk();
        const bytes = Buffer.byteLength(part.delta);
        progress.bytes += bytes;
        argumentBytes.set(part.id, (argumentBytes.get(part.id) ?? 0) + bytes);
        break;
      }
      case 'tool-call': {
        onChunk();
        if (toolCalls.size >= limits.maxToolCalls)
          throw invalidAnswer(`called more than ${limits.maxToolCalls} tools at once`, false);
        const id = ID.test(part.toolCallId) && !toolCalls.has(part.toolCallId) ? part.toolCallId : newCallId();
        const name = part.toolName.slice(0, MAX_NAME);
        const checked = checkedArguments(part.input, argumentBytes.get(part.toolCallId) ?? 0, limits.maxArgumentBytes);
        const signature = signatureOf(part.providerMetadata);
        toolCalls.set(id, { id, name, ...checked, ...(signature === undefined ? {} : { signature }) });
        break;
      }
      case 'error':
        throw isError(part.error) ? part.error : invalidAnswer('failed in the middle of its answer', true);
      case 'finish-step':
        end = { finishReason: part.finishReason, raw: part.rawFinishReason, usage: part.usage };
        break;
    }
  }
  if (!end || end.finishReason === 'interrupted' || end.finishReason === 'error')
    throw invalidAnswer('broke off its answer', true);
  splitter.end();
  const calls = [...toolCalls.values()];
  const finishReason = finishReasonOf(end.finishReason, end.raw, calls.length > 0);
  return { text, reasoning, toolCalls: calls, finishReason, usage: end.usage };
}

/** The signature of a call, under whichever name the SDK files its provider. */
function signatureOf(metadata: Record<string, Record<string, unknown>> | undefined): string | undefined {
  const found = Object.values(metadata ?? {}).find(({ thoughtSignature }) => typeof thoughtSignature === 'string');
  const signature = found?.thoughtSignature as string | undefined;
  return signature !== undefined && signature.length <= MAX_SIGNATURE ? signature : undefined;
}

/** Whether the SDK recognised the error. An error in an unknown format is the JSON that the provider sent. */
function isError(error: unknown): error is Error {
  return error instanceof Error || APICallError.isInstance(error);
}

function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}

/** Reasons of servers that the SDK does not know. */
const REASONS: Record<string, FinishReason> = {
  '': 'stop',
  [END_OF_STREAM]: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  complete: 'stop',
  completed: 'stop',
  stop: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_output_tokens: 'length',
  model_length: 'length',
  model_context_window_exceeded: 'length',
  safety: 'content-filter',
  recitation: 'content-filter',
  blocklist: 'content-filter',
  prohibited_content: 'content-filter',
  refusal: 'content-filter',
  content_filter: 'content-filter',
};

/** Corrects the finish reason: some servers report `stop` with tool calls, `tool-calls` without any, or reasons of their own. */
function finishReasonOf(sdk: SdkFinishReason, raw: string | undefined, hasCalls: boolean): FinishReason {
  const reason = sdk === 'other' ? (REASONS[raw?.toLowerCase() ?? 'none'] ?? sdk) : sdk;
  if (reason === 'length' || reason === 'content-filter') return reason;
  if (hasCalls) return 'tool-calls';
  return reason === 'stop' ? 'stop' : 'other';
}
