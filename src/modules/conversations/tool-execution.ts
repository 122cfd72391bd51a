import { ExecutionStatus } from '../../generated/prisma/enums.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { Agent } from '../agents/exports.ts';
import { Conversation } from './conversation.ts';
import { Message } from './message.ts';

export const ExecutionStatusEnum = enumOf('ExecutionStatus', ExecutionStatus, 'How a call ended.');

export type ToolExecution = RowOf<'ToolExecution'>;
export const ToolExecution = entity('ToolExecution', {
  table: 'tool_executions',
  access: 'conversation:read',
  tenantScoped: true,
  columns: ['toolName', 'input', 'output', 'status', 'errorMessage', 'durationMs', 'startedAt', 'completedAt', 'metadata'],
  types: { output: 'JSON' },
  references: {
    conversation: { to: Conversation, description: 'The conversation it belongs to, if any.' },
    message: { to: Message, description: 'The message that asked for it, if any.' },
    agent: { to: Agent, description: 'The agent that called, if any.' },
  },
  list: {
    orders: ['-id', 'id'],
    filter: (f) => ({
      status: f.anyOf('status', 'That ended in one of these ways.'),
      toolName: f.is('toolName', 'Of this tool.'),
    }),
  },
  root: { many: { field: 'toolExecutions', description: 'What tools did in the tenant.' } },
});

ToolExecution.listOn(Conversation, 'toolExecutions', {
  column: 'conversationId',
  description: 'What tools did in this conversation.',
});
ToolExecution.listOn(Message, 'toolExecutions', { column: 'messageId', description: 'What tools did for this message.' });
ToolExecution.listOn(Agent, 'toolExecutions', { column: 'agentId', description: 'What tools did for this agent.' });
