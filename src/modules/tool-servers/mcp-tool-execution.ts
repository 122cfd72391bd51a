import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { parseId } from '../../platform/graphql/kit/global-id.ts';
import { dependsOn } from '../../platform/graphql/kit/selection.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { Agent } from '../agents/exports.ts';
import { Conversation, ExecutionStatusEnum, loadConversation, loadMessage, Message } from '../conversations/exports.ts';
import { User } from '../tenancy/exports.ts';
import { McpServerConfig } from './mcp-server-config.ts';

export type McpToolExecution = RowOf<'McpToolExecution'>;
export const McpToolExecution = entity('McpToolExecution', {
  table: 'mcp_tool_executions',
  access: 'mcp:read',
  noun: 'call of an MCP tool',
  plural: 'calls of MCP tools',
  columns: [
    'toolName',
    'parameters',
    'result',
    'errorCode',
    'errorMessage',
    'durationMs',
    'serverInstance',
    'startedAt',
    'completedAt',
    'metadata',
  ],
  types: { result: 'JSON' },
  references: {
    config: { to: McpServerConfig, description: 'The configuration of the called server.' },
    user: {
      to: User,
      description: 'The user who made the call, or for whom an agent made it. Null if they are no longer a member of the tenant.',
    },
    agent: { to: Agent, description: 'The agent that made the call, if any.' },
  },
  fields: (t) => ({
    status: t.expose('status', { type: ExecutionStatusEnum }),
    conversation: t.field({
      type: Conversation,
      nullable: true,
      description: 'The conversation of the call, if any.',
      extensions: dependsOn('conversationId'),
      resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
    }),
    message: t.field({
      type: Message,
      nullable: true,
      description: 'The message whose answer required the call, if any.',
      extensions: dependsOn('messageId'),
      resolve: ({ messageId }, _args, context) => loadMessage(context, messageId),
    }),
  }),
  list: {
    orders: ['-id', 'id'],
    filter: (f) => ({
      serverId: f.where(
        'ID',
        'Only calls to this server.',
        (id: string, path) => sql`mcp_tool_executions.config_id IN (SELECT c.id FROM mcp_server_configs c
          WHERE c.server_id = ${parseId('McpServer', String(id), path)}::uuid)`,
      ),
      toolName: f.is('toolName', 'Only calls of tools with this name.'),
      status: f.where(
        [ExecutionStatusEnum],
        'Only calls with one of these outcomes.',
        (states: readonly string[]) => sql`mcp_tool_executions.status = ANY (${states}::execution_status[])`,
      ),
      errorCode: f.is('errorCode', 'Only calls that failed with this error code.'),
      userId: f.refersTo('userId', 'User', 'Only calls by or for this user.'),
      agentId: f.refersTo('agentId', 'Agent', 'Only calls by this agent.'),
      conversationId: f.refersTo('conversationId', 'Conversation', 'Only calls in this conversation.'),
      // The id begins with the time, and months are partitions of ids: this reads only the partitions of those months.
      after: f.where(
        'DateTime',
        'Only calls recorded at or after this time.',
        (time: Date) => sql`mcp_tool_executions.id >= app.uuid_v7_floor(${time}::timestamptz)`,
      ),
      before: f.where(
        'DateTime',
        'Only calls recorded before this time.',
        (time: Date) => sql`mcp_tool_executions.id < app.uuid_v7_floor(${time}::timestamptz)`,
      ),
    }),
  },
  root: {
    one: 'mcpToolExecution',
    many: {
      field: 'mcpToolExecutions',
      description: 'All calls of MCP tools in the tenant, including failed and refused ones.',
    },
  },
});
