import type { AgentRun, Prisma as PrismaTypes, ToolCall } from '../../../generated/prisma/client.ts';
import type { FinishReason } from '../../../platform/ai/language/language-model.ts';
import type { RunControls } from '../services.ts';

/** What a model asked for in an answer. */
export interface StepToolCall {
  id: string;
  name: string;
  arguments: Record<string, unknown>;
}

/** A round of a run whose model has answered. */
export interface Step {
  iteration: number;
  text: string;
  requested: StepToolCall[];
  /** The answer in the conversation. Null for a run without one, or one that took no messages any more. */
  messageId: string | null;
  /** In the order the model asked for them. */
  calls: ToolCall[];
  /** Whether the conversation has been told what came of the calls. */
  reported: boolean;
}

/** What `llm_calls.response` holds. */
export interface RecordedResponse {
  text: string;
  toolCalls: StepToolCall[];
  messageId: string | null;
  finishReason: FinishReason;
  /** Whether the provider did not count the tokens. */
  estimated: boolean;
}

/** What a run has done so far, as the database has it: whoever takes it over goes on from here. */
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
  const told = new Set<string | null>();
  if (run.conversationId !== null) {
    const messages = await prisma.message.findMany({
      where: { runId: run.id, role: 'TOOL' },
      select: { parentMessageId: true },
    });
    for (const { parentMessageId } of messages) told.add(parentMessageId);
  }
  return responses.map(({ iteration, text, toolCalls, messageId }) => ({
    iteration,
    text,
    requested: toolCalls,
    messageId,
    calls: calls.filter((call) => call.iteration === iteration),
    reported: messageId !== null && told.has(messageId),
  }));
}

function responseOf(response: PrismaTypes.JsonValue): RecordedResponse {
  return response as unknown as RecordedResponse;
}

const OPEN = new Set(['PENDING', 'WAITING_APPROVAL', 'RUNNING']);

export function isOpen({ status }: Pick<ToolCall, 'status'>): boolean {
  return OPEN.has(status);
}

/** What the model is told came of a call. */
export interface StepToolResult {
  toolCallId: string;
  name: string;
  output: unknown;
  /** Null where it went well. */
  error: string | null;
}

const SAID: Partial<Record<ToolCall['status'], string>> = {
  CANCELLED: 'The call was cancelled.',
  INTERRUPTED: 'The call was interrupted. Whether it took effect is not known.',
  TIMED_OUT: 'The tool did not answer in time.',
};

export function toolResultOf(call: ToolCall): StepToolResult {
  const { callId: toolCallId, toolName: name, status, output, errorMessage } = call;
  const error = status === 'SUCCEEDED' ? null : (errorMessage ?? SAID[status] ?? 'The call failed.');
  return { toolCallId, name, output: output ?? null, error };
}
