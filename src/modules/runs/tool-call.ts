import { ToolCallStatus, ToolSource } from '../../generated/prisma/enums.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { User } from '../tenancy/exports.ts';
import { AgentRun } from './agent-run.ts';

enumOf(
  'ToolCallStatus',
  ToolCallStatus,
  'Where a tool call of a run stands. INTERRUPTED ones were under way when their worker died: whether they took effect is not known, so they ' +
    'are not repeated.',
);
enumOf('ToolSource', ToolSource, 'Where a tool comes from. UNKNOWN is what a model made up.');

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
    run: { to: AgentRun, description: 'The run.' },
    decidedBy: { to: User, description: 'Who approved or rejected it. Null once they have left the tenant.' },
  },
  list: {
    // Calls of one step have the same time, and their ids are in the order of their positions.
    orders: ['createdAt', '-createdAt'],
    filter: (f) => ({
      status: f.anyOf('status', 'In one of these states: `[WAITING_APPROVAL]` for what waits for somebody to decide.'),
      toolName: f.is('toolName', 'Of this tool.'),
    }),
  },
  root: { one: 'toolCall', many: { field: 'toolCalls', description: 'What models asked for in the runs of the tenant.' } },
});

ToolCall.listOn(AgentRun, 'toolCalls', { column: 'runId', description: 'What its model asked for, in order.' });
