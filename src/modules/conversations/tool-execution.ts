import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { Agent } from '../agents/exports.ts';
import { Conversation } from './conversation.ts';
import { Message } from './message.ts';

export type ToolExecution = RowOf<'ToolExecution'>;
export const ToolExecution = entity('ToolExecution', {
  table: 'tool_executions',
  access: 'conversation:read',
  tenantScoped: true,
  columns: ['toolName', 'input', 'output', 'status', 'errorMessage', 'durationMs', 'startedAt', 'completedAt', 'metadata'],
  types: { output: 'JSON' },
  references: { conversation: Conversation, message: Message, agent: Agent },
  list: {
    orders: ['-id', 'id'],
    filter: (f) => ({
      status: f.anyOf('status'),
      toolName: f.is('toolName'),
    }),
  },
  root: { many: 'toolExecutions' },
});

ToolExecution.listOn(Conversation, 'toolExecutions', { column: 'conversationId' });
ToolExecution.listOn(Message, 'toolExecutions', { column: 'messageId' });
ToolExecution.listOn(Agent, 'toolExecutions', { column: 'agentId' });
