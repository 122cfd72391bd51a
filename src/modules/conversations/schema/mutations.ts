import { z } from 'zod';
import { ConversationStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { intRule, jsonArrayRule, jsonObjectRule, jsonRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { appendMessage } from '../append-message.ts';
import { CONTENT_TOO_LARGE, fitsContent } from '../content-limit.ts';
import { recordToolExecution } from '../record-tool-execution.ts';
import { completeConversation, createConversation, updateConversation } from '../write.ts';
import { Conversation } from './conversation.ts';
import { Message, MessageRoleEnum } from './message.ts';
import { ExecutionStatusEnum, ToolExecution } from './tool-execution.ts';

type ConversationRow = typeof Conversation.$inferType;

const contentRule = z.string().refine(fitsContent, CONTENT_TOO_LARGE);

function conversationPayload(name: string) {
  return builder.objectRef<{ conversation: ConversationRow }>(name).implement({
    description: 'The conversation after the change.',
    fields: (t) => ({
      conversation: t.field({
        type: Conversation,
        description: 'The conversation.',
        resolve: ({ conversation }) => conversation,
      }),
    }),
  });
}

mutation('createConversation', {
  description: 'Begins a conversation with an agent.',
  access: 'conversation:write',
  input: (t) => ({
    agentId: t.id({ required: true, description: 'The agent that answers.' }),
    title: t.string({ description: 'What it is about.', validate: textRule(500) }),
    context: t.field({
      type: 'JSONObject',
      description: 'What the agent should know beyond the messages.',
      validate: jsonObjectRule,
    }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  }),
  payload: conversationPayload('CreateConversationPayload'),
  resolve: async ({ agentId, title, context, metadata }, graph) => ({
    conversation: await createConversation(graph.prisma, requireViewer(graph), parseId('Agent', agentId, ['input', 'agentId']), {
      title,
      context: context ?? undefined,
      metadata: metadata ?? undefined,
    }),
  }),
});

mutation('updateConversation', {
  description: 'Changes a conversation. What is not given stays as it is.',
  access: 'conversation:write',
  input: (t) => ({
    id: t.id({ required: true, description: 'The conversation.' }),
    title: t.string({ description: 'What it is about. Null takes the title away.', validate: textRule(500) }),
    context: t.field({
      type: 'JSONObject',
      description: 'What the agent should know beyond the messages.',
      validate: jsonObjectRule,
    }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  }),
  payload: conversationPayload('UpdateConversationPayload'),
  resolve: async ({ id, title, context, metadata }, graph) => ({
    conversation: await updateConversation(graph, parseId('Conversation', id, ['input', 'id']), {
      title,
      context: context ?? undefined,
      metadata: metadata ?? undefined,
    }),
  }),
});

const ConversationOutcome = builder.enumType('ConversationOutcome', {
  description: 'How a conversation ends.',
  values: {
    COMPLETED: { value: ConversationStatus.COMPLETED, description: 'It reached its end.' },
    FAILED: { value: ConversationStatus.FAILED, description: 'It could not go on.' },
    CANCELLED: { value: ConversationStatus.CANCELLED, description: 'Somebody stopped it.' },
  } as const,
});

mutation('completeConversation', {
  description: 'Ends a conversation: it takes no messages any more.',
  access: 'conversation:write',
  input: (t) => ({
    id: t.id({ required: true, description: 'The conversation.' }),
    outcome: t.field({ type: ConversationOutcome, description: 'How it ends. COMPLETED when nothing is said.' }),
  }),
  payload: conversationPayload('CompleteConversationPayload'),
  resolve: async ({ id, outcome }, graph) => ({
    conversation: await completeConversation(graph, parseId('Conversation', id, ['input', 'id']), outcome ?? 'COMPLETED'),
  }),
});

interface AppendedRow {
  message: typeof Message.$inferType;
  conversation: ConversationRow;
  repeated: boolean;
}

mutation('appendMessage', {
  description: 'Appends a message to a conversation, under the next number.',
  access: 'conversation:write',
  input: (t) => ({
    conversationId: t.id({ required: true, description: 'The conversation.' }),
    role: t.field({ type: MessageRoleEnum, required: true, description: 'Who speaks.' }),
    content: t.string({ required: true, description: 'What is said, at most 1 MiB.', validate: contentRule }),
    toolCalls: t.field({
      type: ['JSONObject'],
      description: 'Tools the model asks for: objects of `id`, `name` and `arguments`.',
      validate: jsonArrayRule,
    }),
    toolResults: t.field({
      type: ['JSONObject'],
      description: 'What the tools answered: objects of `toolCallId`, `output` and `error`.',
      validate: jsonArrayRule,
    }),
    model: t.string({ description: 'The model that wrote it.', validate: textRule(100) }),
    tokenCount: t.field({ type: 'NonNegativeInt', description: 'Tokens in the message.' }),
    latencyMs: t.int({ description: 'How long the model took, in milliseconds.', validate: intRule(0, 2_147_483_647) }),
    parentMessageId: t.id({ description: 'The message this one answers, of the same conversation.' }),
    idempotencyKey: t.string({
      description: 'Your name for this call, unique in the conversation: a retry with the same key returns the first result.',
      validate: textRule(255).min(1),
    }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  }),
  validate: z
    .object({ content: z.string(), toolCalls: z.unknown(), toolResults: z.unknown() })
    .loose()
    .refine(({ content, toolCalls, toolResults }) => content !== '' || toolCalls != null || toolResults != null, {
      message: 'Must not be empty unless there are tool calls or results.',
      path: ['content'],
    }),
  payload: builder.objectRef<AppendedRow>('AppendMessagePayload').implement({
    description: 'The message as it stands in the conversation.',
    fields: (t) => ({
      appendedMessage: t.field({ type: Message, description: 'The message.', resolve: ({ message }) => message }),
      conversation: t.field({
        type: Conversation,
        description: 'The conversation with its new counters.',
        resolve: ({ conversation }) => conversation,
      }),
      repeated: t.exposeBoolean('repeated', {
        description: 'Whether the idempotency key had been used: this is the result of the first call.',
      }),
    }),
  }),
  transaction: 'own',
  resolve: (input, graph) =>
    appendMessage(graph, requireViewer(graph), {
      conversationId: parseId('Conversation', input.conversationId, ['input', 'conversationId']),
      role: input.role,
      content: input.content,
      toolCalls: input.toolCalls ?? undefined,
      toolResults: input.toolResults ?? undefined,
      model: input.model ?? undefined,
      tokenCount: input.tokenCount == null ? undefined : BigInt(input.tokenCount),
      latencyMs: input.latencyMs ?? undefined,
      parentMessageId: input.parentMessageId
        ? parseId('Message', input.parentMessageId, ['input', 'parentMessageId'])
        : undefined,
      idempotencyKey: input.idempotencyKey ?? undefined,
      metadata: input.metadata ?? undefined,
    }),
});

mutation('recordToolExecution', {
  description: 'Keeps what a tool was given and what came of it.',
  access: 'conversation:write',
  input: (t) => ({
    conversationId: t.id({ description: 'The conversation it belongs to.' }),
    messageId: t.id({ description: 'The message that asked for it. Names the conversation by itself.' }),
    agentId: t.id({ description: 'The agent that called.' }),
    toolName: t.string({
      required: true,
      description: "The tool's name.",
      validate: textRule(200).regex(/\S/, 'Must not be empty.'),
    }),
    input: t.field({ type: 'JSONObject', description: 'What the tool was given.', validate: jsonObjectRule }),
    output: t.field({ type: 'JSON', description: 'What the tool answered.', validate: jsonRule }),
    status: t.field({ type: ExecutionStatusEnum, required: true, description: 'How it ended.' }),
    errorMessage: t.string({ description: 'What went wrong.', validate: textRule(10_000) }),
    durationMs: t.int({ description: 'How long it took, in milliseconds.', validate: intRule(0, 2_147_483_647) }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began. Now when nothing is said.' }),
    completedAt: t.field({ type: 'DateTime', description: 'When it ended.' }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data.', validate: jsonObjectRule }),
  }),
  payload: builder.objectRef<{ toolExecution: typeof ToolExecution.$inferType }>('RecordToolExecutionPayload').implement({
    description: 'What was kept.',
    fields: (t) => ({
      toolExecution: t.field({
        type: ToolExecution,
        description: 'The tool execution.',
        resolve: ({ toolExecution }) => toolExecution,
      }),
    }),
  }),
  resolve: async (input, graph) => ({
    toolExecution: await recordToolExecution(graph, requireViewer(graph), {
      conversationId: input.conversationId
        ? parseId('Conversation', input.conversationId, ['input', 'conversationId'])
        : undefined,
      messageId: input.messageId ? parseId('Message', input.messageId, ['input', 'messageId']) : undefined,
      agentId: input.agentId ? parseId('Agent', input.agentId, ['input', 'agentId']) : undefined,
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
