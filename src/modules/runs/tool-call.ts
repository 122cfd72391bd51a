import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { User } from '../tenancy/exports.ts';
import { AgentRun } from './agent-run.ts';

export type ToolCall = RowOf<'ToolCall'>;
export const ToolCall = entity('ToolCall', {
  table: 'tool_calls',
  access: 'conversation:read',
  columns: [
    'iteration',
    'position',
    'callId',
    'toolName',
    'source',
    'arguments',
    'status',
    'output',
    'errorMessage',
    'decidedAt',
    'decisionReason',
    'startedAt',
    'completedAt',
  ],
  types: { output: 'JSON' },
  references: {
    run: AgentRun,
    decidedBy: User,
  },
  list: {
    // Calls of one step have the same time, and their ids are in the order of their positions.
    orders: ['createdAt', '-createdAt'],
    filter: (f) => ({
      status: f.anyOf('status'),
      toolName: f.is('toolName'),
    }),
  },
  root: { one: 'toolCall', many: { field: 'toolCalls', description: 'The tool calls of all runs of the tenant.' } },
});

ToolCall.listOn(AgentRun, 'toolCalls', {
  column: 'runId',
  description: 'Tool calls of the run, in the order in which the model requested them.',
});
