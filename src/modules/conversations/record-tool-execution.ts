import type { ExecutionStatus, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { nodeId } from '../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../platform/graphql/kit/entity/payload.ts';
import { prismaEnum } from '../../platform/graphql/kit/enums.ts';
import { mutation } from '../../platform/graphql/kit/mutation.ts';
import { intRule, jsonObjectRule, jsonRule, textRule } from '../../platform/graphql/kit/rules.ts';
import { NotFoundError, ValidationError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { Agent } from '../agents/exports.ts';
import type { ConversationServices } from './append-message.ts';
import { Conversation, publishConversation } from './conversation.ts';
import { ToolExecution } from './tool-execution.ts';

export interface NewToolExecution {
  conversationId?: string | undefined;
  messageId?: string | undefined;
  agentId?: string | undefined;
  toolName: string;
  input?: Record<string, unknown> | undefined;
  output?: unknown;
  status: ExecutionStatus;
  errorMessage?: string | undefined;
  durationMs?: number | undefined;
  startedAt?: Date | undefined;
  completedAt?: Date | undefined;
  metadata?: Record<string, unknown> | undefined;
}

type ToolExecutionRow = Omit<PrismaTypes.ToolExecutionUncheckedCreateInput, 'tenantId' | 'id'>;

/**
 * The only writer of `tool_executions`. The caller checks the references of the row and publishes the change of its conversation: a trigger
 * writes the event.
 */
export async function insertToolExecution(prisma: Prisma, tenantId: string, row: ToolExecutionRow): Promise<ToolExecution> {
  return prisma.toolExecution.create({ data: { ...row, tenantId, id: newId() } });
}

/** The start of a call that only gives its end and its duration. */
function startOf({ completedAt, durationMs = 0 }: NewToolExecution): Date | undefined {
  return completedAt && new Date(completedAt.getTime() - durationMs);
}

/** Stores a call of a tool with its result. The conversation defaults to the one of the message. */
export async function recordToolExecution(
  { prisma, live }: Pick<ConversationServices, 'prisma' | 'live'>,
  viewer: Viewer,
  given: NewToolExecution,
): Promise<ToolExecution> {
  const { input, output, metadata, ...columns } = given;
  if (columns.startedAt && columns.completedAt && columns.completedAt < columns.startedAt) {
    throw ValidationError.inputPath(['input', 'completedAt'], 'Must not be before `startedAt`.');
  }
  let conversationId = columns.conversationId;
  if (columns.messageId !== undefined) {
    const message = await prisma.message.findFirst({ where: { id: columns.messageId }, select: { conversationId: true } });
    if (!message || (conversationId !== undefined && message.conversationId !== conversationId)) {
      throw new NotFoundError('The message', { path: ['input', 'messageId'] });
    }
    conversationId = message.conversationId;
  }
  if (columns.agentId !== undefined) await Agent.require(prisma, columns.agentId, ['input', 'agentId']);
  if (conversationId !== undefined) await Conversation.require(prisma, conversationId, ['input', 'conversationId']);
  const execution = await insertToolExecution(prisma, viewer.tenantId, {
    ...columns,
    startedAt: columns.startedAt ?? startOf(columns),
    conversationId,
    input: input as PrismaTypes.InputJsonValue | undefined,
    output: output as PrismaTypes.InputJsonValue | undefined,
    metadata: metadata as PrismaTypes.InputJsonValue | undefined,
  });
  if (conversationId !== undefined) publishConversation(live, await Conversation.require(prisma, conversationId, []));
  return execution;
}

mutation('recordToolExecution', {
  description: 'Stores a call of a tool with its outcome.',
  access: 'conversation:write',
  input: (t) => ({
    conversationId: nodeId(t, 'Conversation', {
      description: 'The conversation of the call. Default: the conversation of the message.',
    }),
    messageId: nodeId(t, 'Message', { description: 'The message that requested the call.' }),
    agentId: nodeId(t, 'Agent', { description: 'The agent that made the call.' }),
    toolName: t.string({
      required: true,
      description: 'Name of the tool, at most 200 characters.',
      validate: textRule(200).regex(/\S/, 'Must not be empty.'),
    }),
    input: t.field({ type: 'JSONObject', description: 'Arguments of the call.', validate: jsonObjectRule }),
    output: t.field({ type: 'JSON', description: 'Result of the call.', validate: jsonRule }),
    status: t.field({ type: prismaEnum('ExecutionStatus'), required: true, description: 'Outcome of the call.' }),
    errorMessage: t.string({ description: 'Error message, at most 10,000 characters.', validate: textRule(10_000) }),
    durationMs: t.int({ description: 'Duration of the call, in milliseconds.', validate: intRule(0, 2_147_483_647) }),
    startedAt: t.field({
      type: 'DateTime',
      description: 'Time when the call started. Default: `completedAt` minus `durationMs`, or the current time.',
    }),
    completedAt: t.field({ type: 'DateTime', description: 'Time when the call ended. Not before `startedAt`.' }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Application data, a JSON object. The server does not interpret it.',
      validate: jsonObjectRule,
    }),
  }),
  payload: payload('recordToolExecution', 'The stored tool execution.', {
    toolExecution: { type: ToolExecution, description: 'The tool execution.' },
  }),
  resolve: async (input, context) => ({
    toolExecution: await recordToolExecution(context, context.viewer, {
      conversationId: input.conversationId || undefined,
      messageId: input.messageId || undefined,
      agentId: input.agentId || undefined,
      toolName: input.toolName,
      input: input.input ?? undefined,
      output: input.output ?? undefined,
      status: input.status,
      errorMessage: input.errorMessage ?? undefined,
      durationMs: input.durationMs ?? undefined,
      startedAt: input.startedAt ?? undefined,
      completedAt: input.completedAt ?? undefined,
      metadata: input.metadata ?? undefined,
    }),
  }),
});
