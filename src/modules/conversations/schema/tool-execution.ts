import { sql } from '../../../db/sql.ts';
import { tenantKey } from '../../../db/tenant-key.ts';
import { ExecutionStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';
import { listType } from '../../../graphql/connection.ts';
import { reads, rowPropertiesOf } from '../../../graphql/selection.ts';
import { tenantScoped } from '../../../graphql/tenant-scoped.ts';
import { Agent } from '../../agents/agent.ts';
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
      extensions: reads('conversationId'),
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message that asked for it, if any.',
      extensions: reads('messageId'),
      resolve: ({ messageId }, _args, context) => loadMessage(context, messageId),
    }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent that called, if any.',
      extensions: reads('agentId'),
      resolve: ({ agentId }, _args, context, info) => Agent.load(context, agentId, rowPropertiesOf(info, 'Agent')),
    }),
  }),
});

export const loadToolExecution = byId<typeof ToolExecution.$inferType>('ToolExecution', 'tool_executions');

const ToolExecutionFilter = builder.inputType('ToolExecutionFilter', {
  description: 'Which tool executions. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [ExecutionStatusEnum], description: 'That ended in one of these ways.' }),
    toolName: t.string({ description: 'Of this tool.' }),
  }),
});

const toolExecutionList = listType({
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
toolExecutionList.query('toolExecutions', { description: 'What tools did in the tenant.', access });
toolExecutionList.of(Conversation, 'toolExecutions', {
  description: 'What tools did in this conversation.',
  column: 'conversation_id',
  access,
});
toolExecutionList.of(Message, 'toolExecutions', {
  description: 'What tools did for this message.',
  column: 'message_id',
  access,
});
toolExecutionList.of(Agent, 'toolExecutions', { description: 'What tools did for this agent.', column: 'agent_id', access });
