import { randomUUID } from 'node:crypto';
import {
  APICallError,
  type LanguageModelUsage,
  type FinishReason as SdkFinishReason,
  type TextStreamPart,
  type ToolSet,
} from 'ai';
import { type FinishReason, ModelStepError, type ModelStepToolCall } from './language-model.ts';
import type { StepLimits } from './step-limits.ts';
import { checkedArguments } from './tool-arguments.ts';

export interface CollectedStep {
  text: string;
  toolCalls: ModelStepToolCall[];
  finishReason: FinishReason;
  usage: LanguageModelUsage;
  /** The bytes of reasoning and tool arguments. */
  otherBytes: number;
}

export interface StepCollectorOptions {
  /** The name of the model in error messages. */
  named: string;
  limits: StepLimits;
  onText(text: string): void;
  /** Called for each chunk of text, reasoning or tool arguments. */
  onChunk(): void;
}

/** Providers reject other ids in later requests. */
const ID = /^[\w-]{1,64}$/;
const MAX_NAME = 128;

/** Reads the stream of one model call to its end. Throws ModelStepError if it exceeds a limit, and rethrows errors of the stream. */
export async function collectStep(
  parts: AsyncIterable<TextStreamPart<ToolSet>>,
  reader: StepCollectorOptions,
): Promise<CollectedStep> {
  const { named, limits, onText, onChunk } = reader;
  const invalidAnswer = (what: string, retryable: boolean) =>
    new ModelStepError(`${named} ${what}.`, { code: 'MODEL_NONSENSE', retryable });
  let text = '';
  let textBytes = 0;
  let otherBytes = 0;
  let started = 0;
  let end: { finishReason: SdkFinishReason; usage: LanguageModelUsage } | undefined;
  const argumentBytes = new Map<string, number>();
  const toolCalls = new Map<string, ModelStepToolCall>();

  for await (const part of parts) {
    switch (part.type) {
      case 'text-delta':
        if (part.text === '') break;
        onChunk();
        textBytes += Buffer.byteLength(part.text);
        if (textBytes > limits.maxTextBytes) throw invalidAnswer('sent an answer that is too large', false);
        text += part.text;
        onText(part.text);
        break;
      case 'reasoning-delta':
        onChunk();
        otherBytes += Buffer.byteLength(part.text);
        break;
      case 'tool-input-start':
        onChunk();
        if (++started > limits.maxToolCalls) throw invalidAnswer(`called more than ${limits.maxToolCalls} tools at once`, false);
        break;
      case 'tool-input-delta': {
        onChunk();
        const bytes = Buffer.byteLength(part.delta);
        otherBytes += bytes;
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
        toolCalls.set(id, { id, name, ...checked });
        break;
      }
      case 'error':
        throw isError(part.error) ? part.error : invalidAnswer('failed in the middle of its answer', true);
      case 'finish-step':
        end = { finishReason: part.finishReason, usage: part.usage };
        break;
    }
  }
  if (!end || end.finishReason === 'interrupted' || end.finishReason === 'error')
    throw invalidAnswer('broke off its answer', true);
  const calls = [...toolCalls.values()];
  return { text, toolCalls: calls, finishReason: finishOf(end.finishReason, calls.length > 0), usage: end.usage, otherBytes };
}

/** Whether the SDK recognised the error. An error in an unknown format is the JSON that the provider sent. */
function isError(error: unknown): error is Error {
  return error instanceof Error || APICallError.isInstance(error);
}

function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}

/** Corrects the finish reason: some servers report `stop` with tool calls, or `tool-calls` without any. */
function finishOf(reason: SdkFinishReason, hasCalls: boolean): FinishReason {
  if (reason === 'length' || reason === 'content-filter') return reason;
  if (hasCalls) return 'tool-calls';
  return reason === 'stop' ? 'stop' : 'other';
}
