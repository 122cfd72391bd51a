import { ExecutionStatus } from '../../generated/prisma/enums.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { Agent } from '../agents/exports.ts';
import { Conversation } from './conversation.ts';
import { Message } from './message.ts';

export const ExecutionStatusEnum = enumOf('ExecutionStatus', ExecutionStatus, 'Outcome of a call.');

export type ToolExecution = RowOf<'ToolExecution'>;
export const ToolExecution = entity('ToolExecution', {
  table: 'tool_executions',
  access: 'conversation:read',
  tenantScoped: true,
  columns: ['toolName', 'input', 'output', 'status', 'errorMessage', 'durationMs', 'startedAt', 'completedAt', 'metadata'],
  types: { output: 'JSON' },
  references: {
    conversation: { to: Conversation, description: 'The conversation of the call. Null if there is none.' },
    message: { to: Message, description: 'The message that requested the call. Null if there is none.' },
    agent: { to: Agent, description: 'The agent that made the call. Null if there is none.' },
  },
  list: {
    orders: ['-id', 'id'],
    filter: (f) => ({
      status: f.anyOf('status', 'Returns calls with any of these outcomes.'),
      toolName: f.is('toolName', 'Returns calls of this tool.'),
    }),
  },
  root: { many: { field: 'toolExecutions', description: 'Tool executions of the tenant.' } },
});

ToolExecution.listOn(Conversation, 'toolExecutions', {
  column: 'conversationId',
  description: 'Tool executions of the conversation.',
});
ToolExecution.listOn(Message, 'toolExecutions', {
  column: 'messageId',
  description: 'Tool executions that the message requested.',
});
ToolExecution.listOn(Agent, 'toolExecutions', { column: 'agentId', description: 'Tool executions of the agent.' });
