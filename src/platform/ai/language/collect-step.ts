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
  /** What the model wrote besides the text: thoughts and arguments. */
  otherBytes: number;
}

export interface StepCollectorOptions {
  /** The model as messages name it. */
  named: string;
  limits: StepLimits;
  onText(text: string): void;
  /** A piece came, of the text or of anything else the model writes. */
  onPiece(): void;
}

/** Providers take back no other ids. */
const ID = /^[\w-]{1,64}$/;
const MAX_NAME = 128;

/** Reads the stream of one call to its end. Throws RoundError where it goes beyond the limits, and what the stream tells of as it is. */
export async function collectStep(
  parts: AsyncIterable<TextStreamPart<ToolSet>>,
  reader: StepCollectorOptions,
): Promise<CollectedStep> {
  const { named, limits, onText, onPiece } = reader;
  const nonsense = (what: string, retryable: boolean) =>
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
        onPiece();
        textBytes += Buffer.byteLength(part.text);
        if (textBytes > limits.maxTextBytes) throw nonsense('sent an answer that is too large', false);
        text += part.text;
        onText(part.text);
        break;
      case 'reasoning-delta':
        onPiece();
        otherBytes += Buffer.byteLength(part.text);
        break;
      case 'tool-input-start':
        onPiece();
        if (++started > limits.maxToolCalls) throw nonsense(`called more than ${limits.maxToolCalls} tools at once`, false);
        break;
      case 'tool-input-delta': {
        onPiece();
        const bytes = Buffer.byteLength(part.delta);
        otherBytes += bytes;
        argumentBytes.set(part.id, (argumentBytes.get(part.id) ?? 0) + bytes);
        break;
      }
      case 'tool-call': {
        onPiece();
        if (toolCalls.size >= limits.maxToolCalls) throw nonsense(`called more than ${limits.maxToolCalls} tools at once`, false);
        const id = ID.test(part.toolCallId) && !toolCalls.has(part.toolCallId) ? part.toolCallId : madeId();
        const name = part.toolName.slice(0, MAX_NAME);
        const checked = checkedArguments(part.input, argumentBytes.get(part.toolCallId) ?? 0, limits.maxArgumentBytes);
        toolCalls.set(id, { id, name, ...checked });
        break;
      }
      case 'error':
        throw known(part.error) ? part.error : nonsense('failed in the middle of its answer', true);
      case 'finish-step':
        end = { finishReason: part.finishReason, usage: part.usage };
        break;
    }
  }
  if (!end || end.finishReason === 'interrupted' || end.finishReason === 'error') throw nonsense('broke off its answer', true);
  const calls = [...toolCalls.values()];
  return { text, toolCalls: calls, finishReason: finishOf(end.finishReason, calls.length > 0), usage: end.usage, otherBytes };
}

/** What a provider reported in a form the SDK does not know is no error at all, but the JSON it sent. */
function known(error: unknown): error is Error {
  return error instanceof Error || APICallError.isInstance(error);
}

function madeId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}

/** Some servers say `stop` where the model calls tools, or speak of calls where there are none. */
function finishOf(reason: SdkFinishReason, calls: boolean): FinishReason {
  if (reason === 'length' || reason === 'content-filter') return reason;
  if (calls) return 'tool-calls';
  return reason === 'stop' ? 'stop' : 'other';
}
