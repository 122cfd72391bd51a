import { sql } from '../../../db/sql.ts';
import { tenantKey } from '../../../db/tenant-key.ts';
import { ToolCallStatus, ToolSource } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';
import { listType } from '../../../graphql/connection.ts';
import { queryById } from '../../../graphql/query-by-id.ts';
import { reads } from '../../../graphql/selection.ts';
import { loadUser, User } from '../../tenancy/schema/user.ts';
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
      extensions: reads('runId'),
      resolve: ({ runId }, _args, context) => loadRun(context, runId),
    }),
    decidedBy: t.field({
      type: User,
      nullable: true,
      description: 'Who approved or rejected it. Null once they have left the tenant.',
      extensions: reads('decidedById'),
      resolve: ({ decidedById }, _args, context) => loadUser(context, decidedById),
    }),
  }),
});

const loadToolCall = byId<typeof ToolCall.$inferType>('ToolCall', 'tool_calls');

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

const toolCallList = listType({
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
toolCallList.query('toolCalls', { description: 'What models asked for in the runs of the tenant.', access });
toolCallList.of(AgentRun, 'toolCalls', { description: 'What its model asked for, in order.', column: 'run_id', access });

queryById('toolCall', { type: ToolCall, what: 'A tool call', access, load: loadToolCall });
