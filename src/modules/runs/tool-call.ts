import { ToolCallStatus, ToolSource } from '../../generated/prisma/enums.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { User } from '../tenancy/exports.ts';
import { AgentRun } from './agent-run.ts';

enumOf(
  'ToolCallStatus',
  ToolCallStatus,
  'State of a tool call. INTERRUPTED: its worker stopped during the call. Its effect is unknown, so it is not retried.',
);
enumOf('ToolSource', ToolSource, 'Source of a tool. UNKNOWN: the model requested a tool that the run does not have.');

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
    run: { to: AgentRun, description: 'The run that made the call.' },
    decidedBy: {
      to: User,
      description: 'The user who approved or rejected the call. Null before a decision, or after the user has left the tenant.',
    },
  },
  list: {
    // Calls of one step have the same time, and their ids are in the order of their positions.
    orders: ['createdAt', '-createdAt'],
    filter: (f) => ({
      status: f.anyOf('status', 'Tool calls in one of these states, such as `[WAITING_APPROVAL]`.'),
      toolName: f.is('toolName', 'Calls of the tool with this name.'),
    }),
  },
  root: { one: 'toolCall', many: { field: 'toolCalls', description: 'The tool calls of all runs of the tenant.' } },
});

ToolCall.listOn(AgentRun, 'toolCalls', {
  column: 'runId',
  description: 'Tool calls of the run, in the order in which the model requested them.',
});
