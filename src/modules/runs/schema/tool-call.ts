import { ToolCallStatus, ToolSource } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { sql } from '../../../platform/postgres/sql.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { AgentRun, loadRun } from './run.ts';

const ToolCallStatusEnum = builder.enumType(ToolCallStatus, {
  name: 'ToolCallStatus',
  description:
    'Where a tool call of a run stands. INTERRUPTED ones were under way when their worker died: whether they took effect is not known, so they ' +
    'are not repeated.',
});
const ToolSourceEnum = builder.enumType(ToolSource, {
  name: 'ToolSource',
  description: 'Where a tool comes from. UNKNOWN is what a model made up.',
});

export const ToolCall = builder.prismaNode('ToolCall', {
  nullable: true,
  authScopes: { permission: 'conversation:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    iteration: t.exposeInt('iteration'),
    position: t.exposeInt('position'),
    callId: t.exposeString('callId'),
    toolName: t.exposeString('toolName'),
    source: t.expose('source', { type: ToolSourceEnum }),
    arguments: t.expose('arguments', { type: 'JSONObject' }),
    status: t.expose('status', { type: ToolCallStatusEnum }),
    output: t.expose('output', { type: 'JSON', nullable: true }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    decidedAt: t.expose('decidedAt', { type: 'DateTime', nullable: true }),
    decisionReason: t.exposeString('decisionReason', { nullable: true }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    run: t.field({
      type: AgentRun,
      nullable: true,
      description: 'The run.',
      extensions: dependsOn('runId'),
      resolve: ({ runId }, _args, context) => loadRun(context, runId),
    }),
    decidedBy: t.field({
      type: User,
      nullable: true,
      description: 'Who approved or rejected it. Null once they have left the tenant.',
      extensions: dependsOn('decidedById'),
      resolve: ({ decidedById }, _args, context) => loadUser(context, decidedById),
    }),
  }),
});

const loadToolCall = nodeLoader<typeof ToolCall.$inferType>('ToolCall', 'tool_calls');

const ToolCallFilter = builder.inputType('ToolCallFilter', {
  description: 'Which tool calls. All conditions must hold.',
  fields: (t) => ({
    status: t.field({
      type: [ToolCallStatusEnum],
      description: 'In one of these states: `[WAITING_APPROVAL]` for what waits for somebody to decide.',
    }),
    toolName: t.string({ description: 'Of this tool.' }),
  }),
});

const toolCallList = defineConnection({
  name: 'ToolCall',
  table: 'tool_calls',
  node: ToolCall,
  orders: {
    // Those of one round are as old as each other, and their ids are in its order.
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
  },
  filter: {
    type: ToolCallFilter,
    where: ({ status, toolName }: typeof ToolCallFilter.$inferInput) => [
      ...(status ? [sql`tool_calls.status = ANY (${status}::tool_call_status[])`] : []),
      ...(toolName ? [sql`tool_calls.tool_name = ${toolName}`] : []),
    ],
  },
});

const access = 'conversation:read';
toolCallList.onQuery('toolCalls', { description: 'What models asked for in the runs of the tenant.', access });
toolCallList.onParent(AgentRun, 'toolCalls', { description: 'What its model asked for, in order.', column: 'run_id', access });

nodeQuery('toolCall', { type: ToolCall, what: 'A tool call', access, load: loadToolCall });
