import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { parseId } from '../../platform/graphql/kit/global-id.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { Agent } from '../agents/exports.ts';
import { Conversation, Message } from '../conversations/exports.ts';
import { User } from '../tenancy/exports.ts';
import { McpServerConfig } from './mcp-server-config.ts';

export type McpToolExecution = RowOf<'McpToolExecution'>;
export const McpToolExecution = entity('McpToolExecution', {
  table: 'mcp_tool_executions',
  access: 'mcp:read',
  noun: 'call of an MCP tool',
  plural: 'calls of MCP tools',
  columns: [
    'status',
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
    config: McpServerConfig,
    user: User,
    agent: Agent,
    conversation: Conversation,
    message: Message,
  },
  list: {
    orders: ['-id', 'id'],
    filter: (f) => ({
      serverId: f.where(
        'ID',
        'Only calls to this server.',
        (id: string, path) => sql`mcp_tool_executions.config_id IN (SELECT c.id FROM mcp_server_configs c
          WHERE c.server_id = ${parseId('McpServer', String(id), path)}::uuid)`,
      ),
      toolName: f.is('toolName'),
      status: f.anyOf('status'),
      errorCode: f.is('errorCode'),
      userId: f.refersTo('userId', 'User'),
      agentId: f.refersTo('agentId', 'Agent'),
      conversationId: f.refersTo('conversationId', 'Conversation'),
      after: f.recordedAfter(),
      before: f.recordedBefore(),
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
