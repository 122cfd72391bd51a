import { ExecutionStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { dependsOn, selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { tenantScoped } from '../../../platform/graphql/tenant-scoped.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { Agent } from '../../agents/exports.ts';
import { Conversation, loadConversation } from './conversation.ts';
import { loadMessage, Message } from './message.ts';

export const ExecutionStatusEnum = builder.enumType(ExecutionStatus, {
  name: 'ExecutionStatus',
  description: 'How a call ended.',
});

export const ToolExecution = builder.prismaNode('ToolExecution', {
  nullable: true,
  extensions: tenantScoped('tool_executions'),
  authScopes: { permission: 'conversation:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    toolName: t.exposeString('toolName'),
    input: t.expose('input', { type: 'JSONObject' }),
    output: t.expose('output', { type: 'JSON', nullable: true }),
    status: t.expose('status', { type: ExecutionStatusEnum }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    durationMs: t.exposeInt('durationMs', { nullable: true }),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation it belongs to, if any.',
      extensions: dependsOn('conversationId'),
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message that asked for it, if any.',
      extensions: dependsOn('messageId'),
      resolve: ({ messageId }, _args, context) => loadMessage(context, messageId),
    }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent that called, if any.',
      extensions: dependsOn('agentId'),
      resolve: ({ agentId }, _args, context, info) => Agent.load(context, agentId, selectedProperties(info, 'Agent')),
    }),
  }),
});

export const loadToolExecution = nodeLoader<typeof ToolExecution.$inferType>('ToolExecution', 'tool_executions');

const ToolExecutionFilter = builder.inputType('ToolExecutionFilter', {
  description: 'Which tool executions. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [ExecutionStatusEnum], description: 'That ended in one of these ways.' }),
    toolName: t.string({ description: 'Of this tool.' }),
  }),
});

const toolExecutionList = defineConnection({
  name: 'ToolExecution',
  table: 'tool_executions',
  node: ToolExecution,
  orders: {
    // Ids are UUIDv7: the order of ids is the order of time.
    NEWEST_FIRST: { column: 'id', type: 'uuid', direction: 'DESC' },
    OLDEST_FIRST: { column: 'id', type: 'uuid', direction: 'ASC' },
  },
  filter: {
    type: ToolExecutionFilter,
    where: ({ status, toolName }: typeof ToolExecutionFilter.$inferInput) => [
      ...(status ? [sql`tool_executions.status = ANY (${status}::execution_status[])`] : []),
      ...(toolName ? [sql`tool_executions.tool_name = ${toolName}`] : []),
    ],
  },
});

const access = 'conversation:read';
toolExecutionList.onQuery('toolExecutions', { description: 'What tools did in the tenant.', access });
toolExecutionList.onParent(Conversation, 'toolExecutions', {
  description: 'What tools did in this conversation.',
  column: 'conversation_id',
  access,
});
toolExecutionList.onParent(Message, 'toolExecutions', {
  description: 'What tools did for this message.',
  column: 'message_id',
  access,
});
toolExecutionList.onParent(Agent, 'toolExecutions', {
  description: 'What tools did for this agent.',
  column: 'agent_id',
  access,
});
