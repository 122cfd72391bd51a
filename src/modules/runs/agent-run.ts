import { RunStatus, RunTrigger } from '../../generated/prisma/enums.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { dependsOn, selectedProperties } from '../../platform/graphql/kit/selection.ts';
import { Agent } from '../agents/exports.ts';
import {
  Conversation,
  ConversationEvent,
  loadConversation,
  loadMessage,
  Message,
  messageList,
  subjectOf,
} from '../conversations/exports.ts';
import { User } from '../tenancy/exports.ts';

const RunStatusEnum = enumOf(
  'RunStatus',
  RunStatus,
  'Where a run stands. QUEUED ones wait for a worker or for the run before them in the conversation, WAITING_APPROVAL ones for somebody ' +
    'to decide about tool calls; COMPLETED, FAILED and CANCELLED ones have ended.',
);
enumOf('RunTrigger', RunTrigger, 'What began a run: a message of a conversation, or a call of the API.');

const ERROR_CODES =
  'AGENT_NOT_ACTIVE, CONVERSATION_ENDED, GAVE_UP, ITERATIONS_EXCEEDED, NOT_ALLOWED, SEARCH_FAILED, TIMEOUT, TOKENS_EXCEEDED, TOOLS_FAILING, or one that begins with MODEL_';

export type AgentRun = RowOf<'AgentRun'>;
export const AgentRun = entity('AgentRun', {
  table: 'agent_runs',
  access: 'conversation:read',
  write: 'agent:execute',
  noun: 'run',
  tenantScoped: true,
  columns: [
    'status',
    'trigger',
    'input',
    'output',
    'errorCode',
    'errorMessage',
    'iterations',
    'inputTokens',
    'outputTokens',
    'cachedTokens',
    'costUsd',
    'cancelRequestedAt',
    'metadata',
    'startedAt',
    'completedAt',
    'durationMs',
  ],
  descriptions: {
    errorCode: `Why it failed, for programs: ${ERROR_CODES}.`,
    costUsd: 'What it has cost so far, in US dollars, as a decimal number.',
  },
  references: {
    agent: { to: Agent, description: 'The agent that works.' },
    user: { to: User, description: 'Who asked for it. Null once they have left the tenant.' },
  },
  fields: (t) => ({
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation it answers in, if any.',
      extensions: dependsOn('conversationId'),
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message it answers, if any.',
      extensions: dependsOn('messageId'),
      resolve: ({ messageId }, _args, context) => loadMessage(context, messageId),
    }),
  }),
  list: {
    orders: ['-createdAt', 'createdAt'],
    filter: (f) => ({
      status: f.anyOf('status', 'In one of these states.'),
      agentId: f.refersTo('agentId', 'Agent', 'Of this agent.'),
      conversationId: f.refersTo('conversationId', 'Conversation', 'Of this conversation.'),
    }),
  },
  changes: {
    topic: 'run',
    resume: 'Subscribe again, and read the run for what changed in between.',
    subscription: {
      field: 'agentRunUpdated',
      argument: 'runId',
      description:
        'A run as it changes from now on: its state, its tool calls, what it has cost. One that changes faster than it is told is told in its ' +
        'newest state.',
      afterEnd: 'read the run again after coming back',
    },
  },
  root: { one: 'agentRun', many: 'agentRuns' },
});

AgentRun.listOn(Agent, 'runs', { column: 'agentId', description: 'Its runs.' });
AgentRun.listOn(Conversation as never, 'runs', { column: 'conversationId', description: 'The runs that answer in it.' });
messageList.onParent(AgentRun, 'messages', {
  description: 'What it wrote in its conversation.',
  column: 'run_id',
  access: 'conversation:read',
});

export function hasEnded({ status }: Pick<AgentRun, 'status'>): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
}

builder.objectField(Message, 'run', (t) =>
  t.field({
    type: AgentRun,
    nullable: true,
    description: 'The run that wrote it, if one did.',
    extensions: dependsOn('runId'),
    resolve: ({ runId }, _args, context, info) => AgentRun.load(context, runId, selectedProperties(info, 'AgentRun')),
  }),
);

builder.objectField(ConversationEvent, 'runStatus', (t) =>
  t.field({
    type: RunStatusEnum,
    nullable: true,
    description: 'Where the run of a RUN_CHANGED event stood then. `run` tells where it stands now.',
    resolve: ({ type, payload }) => (type === 'RUN_CHANGED' ? (payload as { status: RunStatus }).status : null),
  }),
);

builder.objectField(ConversationEvent, 'run', (t) =>
  t.field({
    type: AgentRun,
    nullable: true,
    description: 'The run of a RUN_CHANGED event as it is now, which may be further than the event.',
    // Not of a text that grows twenty times a second: each time would be a read.
    resolve: (event, _args, context) => (event.type === 'RUN_CHANGED' ? AgentRun.load(context, subjectOf(event, 'runId')) : null),
  }),
);
