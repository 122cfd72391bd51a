import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { entityMutation, mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { jsonObjectRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { CONTENT_TOO_LARGE, Conversation, fitsContent, Message } from '../../conversations/exports.ts';
import { cancelAgentRun } from '../lifecycle/cancel.ts';
import { resolveApproval } from '../lifecycle/resolve-approval.ts';
import { type SentMessage, sendMessage, startAgentRun } from '../lifecycle/start.ts';
import { AgentRun } from './run.ts';
import { ToolCall } from './tool-call.ts';

type RunRow = typeof AgentRun.$inferType;

const askedRule = z.string().regex(/\S/, 'Must not be empty.').refine(fitsContent, CONTENT_TOO_LARGE);
const idempotencyRule = textRule(255).min(1);

mutation('sendMessage', {
  description:
    "Appends a user's message to a conversation and starts the run of its agent that answers. Watch `conversationEvents`: the text comes as " +
    'deltas, then as a message. While the agent is at work already, the run waits for it or stops it, as `Agent.whenBusy` says.',
  access: 'agent:execute',
  input: (t) => ({
    conversationId: t.id({ required: true, description: 'The conversation.' }),
    content: t.string({ required: true, description: 'What is said, at most 1 MiB.', validate: askedRule }),
    idempotencyKey: t.string({
      description: 'Your name for this call, unique in the conversation: a retry with the same key returns the first result.',
      validate: idempotencyRule,
    }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data, kept with the message.', validate: jsonObjectRule }),
  }),
  payload: builder.objectRef<SentMessage>('SendMessagePayload').implement({
    description: 'The message, and the run that answers it.',
    fields: (t) => ({
      sentMessage: t.field({ type: Message, description: 'The message.', resolve: ({ message }) => message }),
      run: t.field({ type: AgentRun, description: 'The run that answers.', resolve: ({ run }) => run }),
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
  resolve: (input, context) =>
    sendMessage(context, requireViewer(context), {
      conversationId: parseId('Conversation', input.conversationId, ['input', 'conversationId']),
      content: input.content,
      idempotencyKey: input.idempotencyKey ?? undefined,
      metadata: input.metadata ?? undefined,
    }),
});

const RunInput = builder.inputType('RunInput', {
  description: 'What a run is asked.',
  fields: (t) => ({ text: t.string({ required: true, description: 'The task, at most 1 MiB.', validate: askedRule }) }),
});

mutation('startAgentRun', {
  description: 'Starts a run of an agent, in a conversation or without one.',
  access: 'agent:execute',
  input: (t) => ({
    agentId: t.id({ required: true, description: 'The agent.' }),
    input: t.field({ type: RunInput, required: true, description: 'What it is asked.' }),
    conversationId: t.id({
      description:
        'A conversation to answer in: the text becomes a message of it. Without one, the answer is the `output` of the run alone.',
    }),
    idempotencyKey: t.string({
      description: 'Your name for this call, unique in the tenant: a retry with the same key returns the first run.',
      validate: idempotencyRule,
    }),
    metadata: t.field({ type: 'JSONObject', description: 'Your own data, kept with the run.', validate: jsonObjectRule }),
  }),
  payload: builder.objectRef<{ run: RunRow; repeated: boolean }>('StartAgentRunPayload').implement({
    description: 'The run, which a worker carries out next.',
    fields: (t) => ({
      run: t.field({ type: AgentRun, description: 'The run.', resolve: ({ run }) => run }),
      repeated: t.exposeBoolean('repeated', {
        description: 'Whether the idempotency key had been used: this is the result of the first call.',
      }),
    }),
  }),
  resolve: ({ agentId, input, conversationId, idempotencyKey, metadata }, context) =>
    startAgentRun(context, requireViewer(context), {
      agentId: parseId('Agent', agentId, ['input', 'agentId']),
      text: input.text,
      conversationId: conversationId ? parseId('Conversation', conversationId, ['input', 'conversationId']) : undefined,
      idempotencyKey: idempotencyKey ?? undefined,
      metadata: metadata ?? undefined,
    }),
});

entityMutation('cancelAgentRun', {
  description:
    'Stops a run: at once where it waits, within two seconds where a worker is at it. What it has written stays. Repeating it is no error.',
  access: 'agent:execute',
  typename: 'AgentRun',
  payload: builder.objectRef<{ run: RunRow }>('CancelAgentRunPayload').implement({
    description: 'The run after the change. RUNNING with `cancelRequestedAt` while its worker has yet to let go.',
    fields: (t) => ({ run: t.field({ type: AgentRun, description: 'The run.', resolve: ({ run }) => run }) }),
  }),
  change: async (context, _viewer, id) => ({ run: await cancelAgentRun(context, id) }),
});

interface DecidedRow {
  toolCall: typeof ToolCall.$inferType;
  run: RunRow;
}

function decision(name: string, payload: string, approve: boolean, description: string, reason: string): void {
  mutation(name, {
    description,
    access: 'agent:approve',
    input: (t) => ({
      id: t.id({ required: true, description: 'The tool call.' }),
      reason: t.string({ description: reason, validate: textRule(2_000) }),
    }),
    payload: builder.objectRef<DecidedRow>(payload).implement({
      description: 'The tool call after the decision.',
      fields: (t) => ({
        toolCall: t.field({ type: ToolCall, description: 'The tool call.', resolve: ({ toolCall }) => toolCall }),
        run: t.field({
          type: AgentRun,
          description: 'Its run, which goes on when no other call waits.',
          resolve: ({ run }) => run,
        }),
      }),
    }),
    resolve: (input, context) =>
      resolveApproval(context, requireViewer(context), parseId('ToolCall', input.id, ['input', 'id']), {
        approve,
        reason: input.reason?.trim() || undefined,
      }),
  });
}

decision(
  'approveToolCall',
  'ApproveToolCallPayload',
  true,
  'Lets a tool call that waits be carried out.',
  'Why, for the record.',
);
decision(
  'rejectToolCall',
  'RejectToolCallPayload',
  false,
  'Refuses a tool call that waits. The model is told, and goes on without it.',
  'Why. The model is told.',
);
