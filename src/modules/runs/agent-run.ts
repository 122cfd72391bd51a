import type { RunStatus } from '../../generated/prisma/enums.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { prismaEnum } from '../../platform/graphql/kit/enums.ts';
import { dependsOn, selectedProperties } from '../../platform/graphql/kit/selection.ts';
import { Agent } from '../agents/exports.ts';
import { Conversation, ConversationEvent, Message, subjectOf } from '../conversations/exports.ts';
import { User } from '../tenancy/exports.ts';

const ERROR_CODES =
  'AGENT_NOT_ACTIVE, CONVERSATION_ENDED, GAVE_UP (all retries failed), ITERATIONS_EXCEEDED, NOT_ALLOWED, SEARCH_FAILED, TIMEOUT, TOKENS_EXCEEDED, TOOLS_FAILING, or a code that starts with MODEL_';

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
    'unpricedCalls',
    'cancelRequestedAt',
    'metadata',
    'startedAt',
    'completedAt',
    'durationMs',
  ],
  descriptions: {
    errorCode: `Machine-readable reason of a failure: ${ERROR_CODES}. Null unless FAILED.`,
    costUsd: 'Cost so far in US dollars, as a decimal number.',
  },
  references: {
    agent: Agent,
    user: User,
    conversation: Conversation,
    message: Message,
  },
  list: {
    orders: ['-createdAt', 'createdAt'],
    filter: (f) => ({
      status: f.anyOf('status'),
      agentId: f.refersTo('agentId', 'Agent'),
      conversationId: f.refersTo('conversationId', 'Conversation'),
    }),
  },
  changes: {
    topic: 'run',
    resume: 'Subscribe again, and read the run for its current state.',
    subscription: {
      field: 'agentRunUpdated',
      argument: 'runId',
      description:
        'Delivers the run after each change of its state, tool calls or cost from now on. Changes in quick succession are delivered as one ' +
        'event with the newest state.',
      afterEnd: 'subscribe again and read the run for its current state',
    },
  },
  root: { one: 'agentRun', many: 'agentRuns' },
});

AgentRun.listOn(Agent, 'runs', { column: 'agentId' });
AgentRun.listOn(Conversation, 'runs', {
  column: 'conversationId',
  description: 'Runs that answer messages of the conversation.',
});
Message.listOn(AgentRun, 'messages', { column: 'runId', description: 'Messages that the run wrote in its conversation.' });

export function hasEnded({ status }: Pick<AgentRun, 'status'>): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';
}

builder.objectField(Message, 'run', (t) =>
  t.field({
    type: AgentRun,
    nullable: true,
    description: 'The run that wrote the message. Null if no run did.',
    extensions: dependsOn('runId'),
    resolve: ({ runId }, _args, context, info) => AgentRun.load(context, runId, selectedProperties(info, 'AgentRun')),
  }),
);

builder.objectField(ConversationEvent, 'runStatus', (t) =>
  t.field({
    type: prismaEnum('RunStatus'),
    nullable: true,
    description: 'State of the run at the time of a RUN_CHANGED event. Null for other events. `run` has the current state.',
    resolve: ({ type, payload }) => (type === 'RUN_CHANGED' ? (payload as { status: RunStatus }).status : null),
  }),
);

builder.objectField(ConversationEvent, 'run', (t) =>
  t.field({
    type: AgentRun,
    nullable: true,
    description: 'Current state of the run of a RUN_CHANGED event, possibly newer than the event. Null for other events.',
    // Deltas arrive up to twenty times a second, and each run would be a read.
    resolve: (event, _args, context) => (event.type === 'RUN_CHANGED' ? AgentRun.load(context, subjectOf(event, 'runId')) : null),
  }),
);
