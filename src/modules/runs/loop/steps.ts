import type { AgentRun, Prisma as PrismaTypes, ToolCall } from '../../../generated/prisma/client.ts';
import type { FinishReason, ToolImage } from '../../../platform/ai/language/language-model.ts';
import type { RunControls } from '../services.ts';

/** A tool call as the model requested it. */
export interface StepToolCall {
  id: string;
  name: string;
  arguments: Record<string, unknown>;
  /** An opaque text that the provider requires with the call in the further steps of the run. */
  signature?: string | undefined;
}

/** A model answer of a run with its tool calls. */
export interface Step {
  iteration: number;
  text: string;
  requested: StepToolCall[];
  /** Id of the answer's message. Null for a run without a conversation, or with one that no longer accepted messages. */
  messageId: string | null;
  /** In the order of the request. */
  calls: ToolCall[];
  /** Whether the conversation contains the results of the calls. */
  reported: boolean;
}

/** Content of `llm_calls.response`. */
export interface RecordedResponse {
  text: string;
  toolCalls: StepToolCall[];
  messageId: string | null;
  finishReason: FinishReason;
  /** The reasoning of the model, which later prompts do not contain. */
  reasoning?: string | undefined;
  /** What differs from the prompt that the agent would have sent, because the model accepts no other. */
  adjustments?: string[] | undefined;
}

/** The committed steps of a run, from which any worker resumes it. */
export async function readSteps({ prisma }: RunControls, run: AgentRun): Promise<Step[]> {
  const answers = await prisma.llmCall.findMany({
    where: { runId: run.id, status: 'SUCCESS' },
    orderBy: { id: 'asc' },
    select: { iteration: true, response: true },
  });
  if (answers.length === 0) return [];
  const calls = await prisma.toolCall.findMany({
    where: { runId: run.id },
    orderBy: [{ iteration: 'asc' }, { position: 'asc' }],
  });
  const responses = answers.map(({ iteration, response }) => ({ iteration, ...responseOf(response) }));
  const reported = new Set<string | null>();
  if (run.conversationId !== null) {
    const messages = await prisma.message.findMany({
      where: { runId: run.id, role: 'TOOL' },
      select: { parentMessageId: true },
    });
    for (const { parentMessageId } of messages) reported.add(parentMessageId);
  }
  return responses.map(({ iteration, text, toolCalls, messageId }) => ({
    iteration,
    text,
    requested: toolCalls,
    messageId,
    calls: calls.filter((call) => call.iteration === iteration),
    reported: messageId !== null && reported.has(messageId),
  }));
}

function responseOf(response: PrismaTypes.JsonValue): RecordedResponse {
  return response as unknown as RecordedResponse;
}

const OPEN = new Set(['PENDING', 'WAITING_APPROVAL', 'RUNNING']);

export function isOpen({ status }: Pick<ToolCall, 'status'>): boolean {
  return OPEN.has(status);
}

/** The result of a call in the prompt. */
export interface StepToolResult {
  toolCallId: string;
  name: string;
  output: unknown;
  /** Only in the steps of the same run. */
  images?: ToolImage[] | undefined;
  /** Null for a successful call. */
  error: string | null;
}

const DEFAULT_ERRORS: Partial<Record<ToolCall['status'], string>> = {
  CANCELLED: 'The call was cancelled.',
  INTERRUPTED: 'The call was interrupted. Whether it took effect is not known.',
  TIMED_OUT: 'The tool did not answer in time.',
};

export function toolResultOf(call: ToolCall): StepToolResult {
  const { callId: toolCallId, toolName: name, status, output, errorMessage } = call;
  const error = status === 'SUCCEEDED' ? null : (errorMessage ?? DEFAULT_ERRORS[status] ?? 'The call failed.');
  return { toolCallId, name, output: output ?? null, error };
}
