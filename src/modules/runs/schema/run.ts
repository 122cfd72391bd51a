import { RunStatus, RunTrigger } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn, selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { tenantScoped } from '../../../platform/graphql/tenant-scoped.ts';
import { formatDecimal } from '../../../platform/lib/format-decimal.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { Agent } from '../../agents/exports.ts';
import {
  Conversation,
  ConversationEvent,
  loadConversation,
  loadMessage,
  Message,
  messageList,
  subjectOf,
} from '../../conversations/exports.ts';
import { loadUser, User } from '../../tenancy/exports.ts';

export const RunStatusEnum = builder.enumType(RunStatus, {
  name: 'RunStatus',
  description:
    'Where a run stands. QUEUED ones wait for a worker or for the run before them in the conversation, WAITING_APPROVAL ones for somebody ' +
    'to decide about tool calls; COMPLETED, FAILED and CANCELLED ones have ended.',
});
const RunTriggerEnum = builder.enumType(RunTrigger, {
  name: 'RunTrigger',
  description: 'What began a run: a message of a conversation, or a call of the API.',
});

const ERROR_CODES =
  'AGENT_NOT_ACTIVE, CONVERSATION_ENDED, GAVE_UP, ITERATIONS_EXCEEDED, NOT_ALLOWED, SEARCH_FAILED, TIMEOUT, TOKENS_EXCEEDED, TOOLS_FAILING, or one that begins with MODEL_';

export const AgentRun = builder.prismaNode('AgentRun', {
  nullable: true,
  extensions: tenantScoped('agent_runs'),
  authScopes: { permission: 'conversation:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    status: t.expose('status', { type: RunStatusEnum }),
    trigger: t.expose('trigger', { type: RunTriggerEnum }),
    input: t.expose('input', { type: 'JSONObject' }),
    output: t.expose('output', { type: 'JSONObject', nullable: true }),
    errorCode: t.exposeString('errorCode', { nullable: true, description: `Why it failed, for programs: ${ERROR_CODES}.` }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    iterations: t.exposeInt('iterations'),
    inputTokens: t.expose('inputTokens', { type: 'BigInt' }),
    outputTokens: t.expose('outputTokens', { type: 'BigInt' }),
    cachedTokens: t.expose('cachedTokens', { type: 'BigInt' }),
    costUsd: t.string({
      description: 'What it has cost so far, in US dollars, as a decimal number.',
      extensions: dependsOn('costUsd'),
      resolve: ({ costUsd }) => formatDecimal(costUsd),
    }),
    cancelRequestedAt: t.expose('cancelRequestedAt', { type: 'DateTime', nullable: true }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
    durationMs: t.exposeInt('durationMs', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent that works.',
      extensions: dependsOn('agentId'),
      resolve: ({ agentId }, _args, context, info) => Agent.load(context, agentId, selectedProperties(info, 'Agent')),
    }),
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
    user: t.field({
      type: User,
      nullable: true,
      description: 'Who asked for it. Null once they have left the tenant.',
      extensions: dependsOn('userId'),
      resolve: ({ userId }, _args, context) => loadUser(context, userId),
    }),
  }),
});

export const loadRun = nodeLoader<typeof AgentRun.$inferType>('AgentRun', 'agent_runs');

const AgentRunFilter = builder.inputType('AgentRunFilter', {
  description: 'Which runs. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [RunStatusEnum], description: 'In one of these states.' }),
    agentId: t.id({ description: 'Of this agent.' }),
    conversationId: t.id({ description: 'Of this conversation.' }),
  }),
});

const runList = defineConnection({
  name: 'AgentRun',
  table: 'agent_runs',
  node: AgentRun,
  orders: {
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
  },
  filter: {
    type: AgentRunFilter,
    where: ({ status, agentId, conversationId }: typeof AgentRunFilter.$inferInput) => [
      ...(status ? [sql`agent_runs.status = ANY (${status}::run_status[])`] : []),
      ...(agentId ? [sql`agent_runs.agent_id = ${parseId('Agent', agentId, ['filter', 'agentId'])}::uuid`] : []),
      ...(conversationId
        ? [sql`agent_runs.conversation_id = ${parseId('Conversation', conversationId, ['filter', 'conversationId'])}::uuid`]
        : []),
    ],
  },
});

const access = 'conversation:read';
runList.onQuery('agentRuns', { description: 'The runs of the tenant.', access });
runList.onParent(Agent, 'runs', { description: 'Its runs.', column: 'agent_id', access });
runList.onParent(Conversation, 'runs', { description: 'The runs that answer in it.', column: 'conversation_id', access });
messageList.onParent(AgentRun, 'messages', { description: 'What it wrote in its conversation.', column: 'run_id', access });

nodeQuery('agentRun', { type: AgentRun, what: 'A run', access, load: loadRun });

builder.objectField(Message, 'run', (t) =>
  t.field({
    type: AgentRun,
    nullable: true,
    description: 'The run that wrote it, if one did.',
    extensions: dependsOn('runId'),
    resolve: ({ runId }, _args, context) => loadRun(context, runId),
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
    resolve: (event, _args, context) => (event.type === 'RUN_CHANGED' ? loadRun(context, subjectOf(event, 'runId')) : null),
  }),
);
